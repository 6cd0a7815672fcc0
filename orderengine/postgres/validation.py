"""Looks whether the schema of DATABASE_URL is there: without it `migrate` would end in a traceback."""

from typing import Any

from django.core.checks import CheckMessage, Error
from django.db.backends.base.validation import BaseDatabaseValidation
from django.db.backends.postgresql.base import DatabaseWrapper


class Validation(BaseDatabaseValidation):
    """What `migrate` and `check --database default` ask of the database."""

    connection: DatabaseWrapper

    def check(self, **kwargs: Any) -> list[CheckMessage]:
        """An error where no schema of the search path exists. None is made: a misspelt one would be an empty engine."""
        with self.connection.cursor() as cursor:
            cursor.execute("SELECT current_schema()")
            if cursor.fetchone()[0] is not None:
                return []
        schema = self.connection.settings_dict["OPTIONS"].get("session", {}).get("search_path", "")
        hint = f"CREATE SCHEMA {schema};" if schema else "Give the role a search_path"
        return [Error(f"the schema {schema} of DATABASE_URL does not exist", hint=hint, id="orderengine.E001")]
