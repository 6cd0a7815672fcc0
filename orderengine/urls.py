"""All HTTP paths."""

from django.contrib import admin
from django.urls import include, path, re_path

from orderengine.web.health import health, ready
from orders.api.exceptions import not_found
from orders.api.records.receipts import key_set
from orders.api.schema_page import AsyncApiView, DocsView, SchemaView
from orders.web.pages import problem_page, start_page

urlpatterns = [
    path("", start_page, name="start"),
    path("problems/<slug:name>", problem_page, name="problem"),
    path("health", health),
    path("ready", ready),
    path(".well-known/jwks.json", key_set),
    path("admin/", admin.site.urls),
    path("api/v1/", include("orders.api.urls")),
    path("api/v1/schema", SchemaView.as_view(), name="schema"),
    path("api/v1/asyncapi", AsyncApiView.as_view(), name="asyncapi"),
    path("api/v1/docs", DocsView.as_view(url_name="schema"), name="docs"),
    # Programs get a problem object here in DEBUG too, where Django would show its own page.
    re_path(r"^api/", not_found),
]

handler404 = "orders.api.exceptions.not_found"
handler500 = "orders.api.exceptions.server_error"
