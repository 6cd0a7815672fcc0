"""Sets the limits of a session once it is connected.

As `options` of the start-up packet they would cost nothing, but poolers refuse that parameter. OPTIONS["session"] holds
them by name.
"""

from collections.abc import Mapping
from typing import Any

from django.db.backends.postgresql.base import DatabaseWrapper as PostgresWrapper

from orderengine.postgres.validation import Validation


def session_statement(session: Mapping[str, str]) -> tuple[str, list[str]]:
    """A statement that sets all of them until the session ends, and its parameters."""
    calls = ", ".join("set_config(%s, %s, false)" for _ in session)
    return f"SELECT {calls}", [word for setting in session.items() for word in setting]


class DatabaseWrapper(PostgresWrapper):
    """Django's own, but for the limits of each new session, with a pool or without."""

    validation_class = Validation

    def get_connection_params(self) -> dict[str, Any]:
        """What the driver takes."""
        parameters: dict[str, Any] = super().get_connection_params()
        parameters.pop("session", None)
        return parameters

    def session_statement(self) -> tuple[str, list[str]]:
        """For sessions that are opened beside Django, as `session_statement`."""
        return session_statement(self.settings_dict["OPTIONS"].get("session", {}))

    def _configure_connection(self, connection: Any) -> bool:
        """Once for each new session. Returns whether there is something to commit."""
        # The stubs know nothing of it.
        needs_commit = bool(super()._configure_connection(connection))  # type: ignore[misc]
        if not self.settings_dict["OPTIONS"].get("session"):
            return needs_commit
        statement, parameters = self.session_statement()
        with connection.cursor() as cursor:
            cursor.execute(statement, parameters)
        return True
