"""Measures in this process, on servers of its own: CPU of the process and of its database session."""

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

# Set in the process that has its servers.
INSIDE = "ORDER_ENGINE_BENCH_INSIDE"


class Cost(NamedTuple):
    """CPU in milliseconds: of this process, and of its database session."""

    here: float
    database: float


def enter(module: str) -> None:
    """Set Django up on an empty PostgreSQL and Valkey that end with this process.

    The first process starts them, runs the module with the same arguments beside them, and exits with its code.
    """
    if INSIDE not in os.environ:
        again = [sys.executable, "-m", module, *sys.argv[1:]]
        inside = [sys.executable, "-m", "orderengine.devstack", "with-servers", "--", *again]
        # The limits of requests are not those of a load.
        sys.exit(subprocess.run(inside, env=os.environ | {INSIDE: "1", "DB_STATEMENT_TIMEOUT_MS": "600000"}).returncode)
    os.environ["DJANGO_SETTINGS_MODULE"] = "orderengine.settings"
    import django

    django.setup()
    from django.core.management import call_command

    call_command("migrate", verbosity=0)


def cost(run: Callable[[], object]) -> Cost:
    """Of one run."""
    database, here = _session_ms(), time.process_time()
    run()
    return Cost((time.process_time() - here) * 1000, _session_ms() - database)


def _session_ms() -> float:
    from django.db import connection

    connection.ensure_connection()
    session = Path(f"/proc/{connection.connection.info.backend_pid}/schedstat").read_text(encoding="ascii")
    return int(session.split()[0]) / 1e6
