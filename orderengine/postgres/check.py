"""`python -m orderengine.postgres.check`: connects as the engine will, to the DATABASE_URL of its environment.

Prints the server's major version, or ends with one line that says why it cannot be used. A program of its own, so that
the supervisor needs the standard library alone.
"""

import sys

import django

from orderengine.environment.typed import Env, postgres_config, read_pooler, session_limits


def check() -> str:
    """The major version. Raises: django.db.Error, ValueError, SystemExit."""
    from django.conf import settings

    env = Env()
    limits = session_limits(env.int("DB_LOCK_TIMEOUT_MS", 2_000, 1), env.int("DB_STATEMENT_TIMEOUT_MS", 5_000, 1))
    config = postgres_config(env, "DATABASE_URL", limits, read_pooler(env))
    settings.configure(DATABASES={"default": config}, USE_TZ=True)
    env.seal()
    django.setup(set_prefix=False)
    from django.db import connection

    from orders.database.pooling import pooling_fault

    connection.settings_dict["OPTIONS"].setdefault("connect_timeout", 3)
    connection.ensure_connection()
    if fault := pooling_fault(connection):
        raise ValueError(fault)
    for error in connection.validation.check():
        raise ValueError(f"{error.msg}: {error.hint}")
    with connection.cursor() as cursor:
        cursor.execute("SHOW server_version_num")
        return str(int(cursor.fetchone()[0]) // 10000)


def main() -> None:
    """Print the version, or the first line of what is wrong."""
    try:
        version = check()
    except Exception as error:
        sys.exit((str(error).strip().splitlines() or [type(error).__name__])[0])
    sys.stdout.write(f"{version}\n")


if __name__ == "__main__":
    main()
