"""For migrations that build indexes on large tables: the session's limits of time are lifted, and put back.

The limits are set on each connection once it stands, so RESET would leave it without any.
"""

from typing import Any, Final

_LIMITS: Final[dict[str, str]] = dict.fromkeys(("statement_timeout", "lock_timeout"), "")


def lift_limits(apps: Any, schema_editor: Any) -> None:
    """Let statements of this session take as long as they need."""
    with schema_editor.connection.cursor() as cursor:
        for name in _LIMITS:
            cursor.execute("SELECT current_setting(%s)", [name])
            _LIMITS[name] = cursor.fetchone()[0]
            cursor.execute("SELECT set_config(%s, '0', false)", [name])


def restore_limits(apps: Any, schema_editor: Any) -> None:
    """Back to the limits that the session had."""
    with schema_editor.connection.cursor() as cursor:
        for name, value in _LIMITS.items():
            cursor.execute("SELECT set_config(%s, %s, false)", [name, value])
