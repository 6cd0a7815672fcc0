"""Typed readers for the few environment variables that need more than a cast."""

from typing import Any
from urllib.parse import quote

from environs import Env


def postgres_config(env: Env, name: str, session: dict[str, str]) -> dict[str, Any]:
    """Django database settings from the URL in `name`, with `session` settings that each new session is given.

    Accepts the `schema=X` option of the system this one replaces, which libpq refuses: it becomes the
    search path. Raises: environs.EnvError when the variable is missing or no PostgreSQL URL.
    """
    config: dict[str, Any] = env.dj_db_url(name)
    if config.get("ENGINE") != "django.db.backends.postgresql":
        raise ValueError(f"{name} must be a postgresql:// URL")
    config["ENGINE"] = "orderengine.postgres"
    options: dict[str, Any] = config.setdefault("OPTIONS", {})
    schema = options.pop("schema", None)
    if schema:
        session = {**session, "search_path": '"' + schema.replace('"', '""') + '"'}
    options["session"] = session
    return config


def session_limits(lock_ms: int = 2_000, statement_ms: int = 5_000) -> dict[str, str]:
    """What every session of the engine is limited by, as PostgreSQL names it."""
    return {
        "lock_timeout": str(lock_ms),
        "statement_timeout": str(statement_ms),
        # A long writing transaction holds back everybody's event stream.
        "idle_in_transaction_session_timeout": "5000",
    }


def redis_url(host: str, port: int, password: str, db: int) -> str:
    """`redis://` URL of one logical database."""
    auth = f":{quote(password, safe='')}@" if password else ""
    return f"redis://{auth}{host}:{port}/{db}"


def is_loopback(host: str) -> bool:
    """Whether only processes on this machine can reach a server bound to `host`."""
    return host in {"localhost", "::1"} or host.startswith("127.")
