"""All HTTP paths."""

from django.contrib import admin
from django.urls import include, path, re_path

from orderengine.health import health, ready
from orders.exceptions import not_found
from orders.pages import problem_page, start_page
from orders.schema_page import DocsView, SchemaView

urlpatterns = [
    path("", start_page, name="start"),
    path("problems/<slug:name>", problem_page, name="problem"),
    path("health", health),
    path("ready", ready),
    path("admin/", admin.site.urls),
    path("api/v1/", include("orders.urls")),
    path("api/v1/schema", SchemaView.as_view(), name="schema"),
    path("api/v1/docs", DocsView.as_view(url_name="schema"), name="docs"),
    # Programs get a problem object here in DEBUG too, where Django would show its own page.
    re_path(r"^api/", not_found),
]

handler404 = "orders.exceptions.not_found"
handler500 = "orders.exceptions.server_error"
