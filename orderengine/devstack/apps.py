"""How the engine's own processes are started: web, workers, beat, and what delivers webhooks."""

import re
import socket
import sys
from pathlib import Path

from orderengine.devstack.children import Command

# Celery says this at every start as root, where the embedded stack of a container simply is.
AS_ROOT = "ignore:You're running the worker with superuser privileges"
# What a worker says when it is asked to end.
FAREWELL = re.compile(r"^\s*$|^worker: Warm shutdown|Requeuing undeliverable message")
# Connections that wait while every web process starts.
BACKLOG = 512


def listen(environment: dict[str, str]) -> socket.socket | None:
    """The socket that all web processes accept from. It outlives each of them: who connects meanwhile waits, unrefused.

    None for an IPv6 address, on which daphne takes no socket over: there the one web process opens its own.
    Raises: OSError where HOST and PORT cannot be had.
    """
    host, port = environment["HOST"], int(environment["PORT"])
    if socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0] != socket.AF_INET:
        return None
    return socket.create_server((host, port), backlog=BACKLOG)


def app_commands(
    root: Path, environment: dict[str, str], listener: socket.socket | None, *, webs: int = 1, workers: int = 1
) -> list[Command]:
    """Web and workers, numbered when there are several, beat and deliver, in the order in which they start."""
    # They serve no pages.
    background = {"PYTHONWARNINGS": AS_ROOT} | environment | {"DEBUG_PAGES": "0"}
    inherits = (listener,) if listener else ()
    celery = [sys.executable, "-m", "celery", "--quiet", "-A", "orderengine"]
    schedule = str(Path(environment["STATE_DIR"]) / "celerybeat-schedule")
    beat = [*celery, "beat", "-s", schedule, "-l", "warning", "--pidfile="]
    return [
        *(
            Command(name, _web(environment, listener), environment, root, inherits=inherits, overlaps=bool(listener))
            for name in _numbered("web", webs if listener else 1)
        ),
        *(
            Command(name, [*celery, *_worker(name, environment)], background, root, mute=FAREWELL)
            for name in _numbered("worker", workers)
        ),
        Command("beat", beat, background, root),
        Command("deliver", [sys.executable, str(root / "manage.py"), "deliver"], background, root),
    ]


def _numbered(name: str, count: int) -> list[str]:
    return [name] if count == 1 else [f"{name}-{number}" for number in range(1, count + 1)]


def _web(environment: dict[str, str], listener: socket.socket | None) -> list[str]:
    own = ["-b", environment["HOST"], "-p", environment["PORT"]]
    accepts = ["--fd", str(listener.fileno())] if listener else own
    return [
        sys.executable,
        "-m",
        "orderengine.web",
        "-v",
        "0",
        *accepts,
        "--no-server-name",
        "orderengine.asgi:application",
    ]


def _worker(name: str, environment: dict[str, str]) -> list[str]:
    size = ["--pool", "prefork", "--concurrency", environment.get("WORKER_CONCURRENCY", "2")]
    quiet = ["--without-gossip", "--without-mingle", "--without-heartbeat", "-l", "warning"]
    return ["worker", "-n", f"{name}@%h", *size, *quiet]
