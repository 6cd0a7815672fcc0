"""How the engine's own processes are started: web, workers and beat."""

import sys
from pathlib import Path

from orderengine.devstack.children import Command

# Celery says this at every start as root, where the embedded stack of a container simply is.
AS_ROOT = "ignore:You're running the worker with superuser privileges"


def app_commands(root: Path, environment: dict[str, str], workers: int = 1) -> list[Command]:
    """Web, worker (numbered when there are several) and beat, in the order in which they start."""
    # In DEBUG Django keeps the text of every statement, which here are statements of hundreds of rows.
    background = environment | {"DEBUG_PAGES": "0"}
    names = ["worker"] if workers == 1 else [f"worker-{number}" for number in range(1, workers + 1)]
    celery = [sys.executable, "-m", "celery", "--quiet", "-A", "orderengine"]
    schedule = str(Path(environment["STATE_DIR"]) / "celerybeat-schedule")
    beat = [*celery, "beat", "-s", schedule, "-l", "warning", "--pidfile="]
    return [
        Command("web", _web(environment), environment, root),
        *(
            Command(name, [*celery, *_worker(name, environment)], {"PYTHONWARNINGS": AS_ROOT, **background}, root)
            for name in names
        ),
        Command("beat", beat, background, root),
    ]


def _web(environment: dict[str, str]) -> list[str]:
    address = ["-b", environment["HOST"], "-p", environment["PORT"]]
    return [sys.executable, "-m", "daphne", "-v", "0", *address, "--no-server-name", "orderengine.asgi:application"]


def _worker(name: str, environment: dict[str, str]) -> list[str]:
    size = ["--pool", "prefork", "--concurrency", environment.get("WORKER_CONCURRENCY", "2")]
    quiet = ["--without-gossip", "--without-mingle", "--without-heartbeat", "-l", "warning"]
    return ["worker", "-n", f"{name}@%h", *size, *quiet]
