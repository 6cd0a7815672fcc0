"""All HTTP paths."""

from django.contrib import admin
from django.urls import include, path, re_path

from orderengine.web.health import health, ready
from orders.api.exceptions import not_found
from orders.api.records.receipts import key_set
from orders.api.schema_page import AsyncApiView, DocsView, SchemaView
from orders.web.codes import code_page, two_factor_page
from orders.web.pages import problem_page, start_page
from orders.web.password import password_page
from orders.web.sign_in import SignIn, sign_out

urlpatterns = [
    path("", start_page, name="start"),
    path("problems/<slug:name>", problem_page, name="problem"),
    path("health", health),
    path("ready", ready),
    path(".well-known/jwks.json", key_set),
    path("sign-in", SignIn.as_view(), name="sign-in"),
    path("sign-in/code", code_page, name="code"),
    path("sign-in/two-factor", two_factor_page, name="two-factor"),
    path("sign-in/password", password_page, name="password"),
    path("sign-out", sign_out, name="sign-out"),
    # In the place of the admin's own pages.
    path("admin/login/", SignIn.as_view(next_page="/admin/")),
    path("admin/logout/", sign_out),
    path("admin/password_change/", password_page),
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
