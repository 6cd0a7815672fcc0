"""Registers the app and its start-up checks."""

from collections.abc import Sequence
from typing import Any

from django.apps import AppConfig
from django.db.models.signals import pre_migrate


class OrdersConfig(AppConfig):
    """The orders app."""

    name = "orders"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Attach the system checks, which refuse contradictory settings, and what queries are written with."""
        from orders import checks  # noqa: F401 - checks need the loaded app registry
        from orders.database.lookups import register_lookups

        register_lookups()
        pre_migrate.connect(refuse_migrations_without_session, sender=self)


def refuse_migrations_without_session(using: str, plan: Sequence[Any], **_: Any) -> None:
    """Some migrations lift the limits of their session, which in a pooler would be those of others.

    Raises: CommandError before anything is changed.
    """
    from django.core.management.base import CommandError
    from django.db import connections

    from orders.database.pooling import keeps_sessions

    if plan and not keeps_sessions(connections[using]):
        raise CommandError(
            "a pooler gives each transaction another session, and migrations need one of their own: run `manage.py"
            " migrate` with a DATABASE_URL that leads to the server itself, and DB_POOLER=session"
        )
