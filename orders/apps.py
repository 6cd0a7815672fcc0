"""Registers the app and its start-up checks."""

from django.apps import AppConfig


class OrdersConfig(AppConfig):
    """The orders app."""

    name = "orders"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Attach the system checks, which refuse contradictory settings, and what queries are written with."""
        from orders import checks  # noqa: F401 - checks need the loaded app registry
        from orders.database.lookups import register_lookups

        register_lookups()
