"""Looks at the servers that the user configured: a wrong one is refused before anything starts."""

import os
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

from orderengine.devstack.binaries import OLDEST_POSTGRES
from orderengine.devstack.valkey import complaint
from orderengine.environment.addresses import authority
from orderengine.environment.reading import COMPLETE
from orderengine.refusal import Refusal

# Beside the engine's other modules: the supervisor itself keeps to the standard library.
ASK = [sys.executable, "-m", "orderengine.postgres.check"]
# Above what a connection may take.
ASK_TIMEOUT_S = 20
ROOT = Path(__file__).resolve().parents[2]
DATABASE_WAY_OUT = (
    "correct DATABASE_URL or start that server (docker compose up -d postgres), or unset it to get an embedded one."
)
REDIS_WAY_OUT = (
    "correct REDIS_HOST, REDIS_PORT and REDIS_PASSWORD or start that server (docker compose up -d redis), "
    "or unset them to get an embedded one."
)


def refuse_unreachable_database(url: str) -> None:
    """Raises: Refusal unless a new enough PostgreSQL answers at `url`."""
    parts = urlsplit(url)
    if parts.scheme not in {"postgres", "postgresql"}:
        raise Refusal("DATABASE_URL is no postgresql:// URL.", "postgresql://user:password@127.0.0.1:5432/order_db")
    try:
        asked = subprocess.run(
            ASK,
            env={**os.environ, "DATABASE_URL": url, COMPLETE: "1"},
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=ASK_TIMEOUT_S,
        )
    except subprocess.TimeoutExpired as error:
        why = f"it gave no two sessions within {ASK_TIMEOUT_S} s"
        raise Refusal(f"The database of DATABASE_URL cannot be used: {why}", DATABASE_WAY_OUT) from error
    if asked.returncode:
        why = (asked.stderr.strip().splitlines() or ["it said nothing"])[-1]
        raise Refusal(f"The database of DATABASE_URL cannot be used: {why}", DATABASE_WAY_OUT)
    if int(asked.stdout) < OLDEST_POSTGRES:
        raise Refusal(
            f"DATABASE_URL names a PostgreSQL {asked.stdout.strip()}; {OLDEST_POSTGRES} is the oldest that works.",
            DATABASE_WAY_OUT,
        )


def refuse_unreachable_redis(environment: dict[str, str]) -> None:
    """Raises: Refusal unless a Redis-compatible server answers where REDIS_HOST and REDIS_PORT say."""
    host, port = environment["REDIS_HOST"].strip().strip("[]"), int(environment["REDIS_PORT"])
    why = complaint(host, port, environment.get("REDIS_PASSWORD", ""), may_write=True)
    if why:
        raise Refusal(f"The Redis server at {authority(host, port)} cannot be used: {why}", REDIS_WAY_OUT)
