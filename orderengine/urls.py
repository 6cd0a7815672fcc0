"""All HTTP paths."""

from django.contrib import admin
from django.urls import include, path, re_path
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerView

from orderengine.health import health, ready
from orders.exceptions import not_found
from orders.pages import problem_page, start_page

urlpatterns = [
    path("", start_page, name="start"),
    path("problems/<slug:name>", problem_page, name="problem"),
    path("health", health),
    path("ready", ready),
    path("admin/", admin.site.urls),
    path("api/v1/", include("orders.urls")),
    path("api/v1/schema", SpectacularAPIView.as_view(authentication_classes=[], permission_classes=[]), name="schema"),
    path(
        "api/v1/docs",
        SpectacularSwaggerView.as_view(url_name="schema", authentication_classes=[], permission_classes=[]),
        name="docs",
    ),
    # Programs get a problem object here in DEBUG too, where Django would show its own page.
    re_path(r"^api/", not_found),
]

handler404 = "orders.exceptions.not_found"
handler500 = "orders.exceptions.server_error"
