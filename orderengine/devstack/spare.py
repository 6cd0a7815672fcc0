"""A process that has loaded the libraries of a program and waits: at a line on standard input it becomes that program.

Most of a start is loading libraries, which no saved file changes. Runs as a plain file, `python -P spare.py MODULE
[ARGUMENTS]`, and does from then on what `python -m MODULE [ARGUMENTS]` does.
"""

import importlib
import os
import runpy
import sys

# What web, worker and beat load and what reads no settings as it is loaded; a name that is missing costs time alone.
COMMON = (
    "channels.consumer",
    "channels_redis.pubsub",
    "cryptography.x509",
    "django.contrib.auth.hashers",
    "django.core.handlers.asgi",
    "django.db.backends.postgresql.base",
    "django.db.migrations.writer",
    "django.forms",
    "django.template.loader",
    "django.views.debug",
    "jsonschema",
    "kombu.transport.redis",
    "numpy",
    "psycopg_pool",
    "redis.asyncio",
    "requests",
    "yaml",
)
WEB = "orderengine.web"
SERVERS = {"daphne": ("daphne.cli",), "uvicorn": ("httptools", "uvicorn", "websockets.server")}
OF_MODULE = {
    WEB: SERVERS.get(os.environ.get("WEB_SERVER", ""), SERVERS["daphne"]),
    "celery": (
        "celery.apps.beat",
        "celery.apps.worker",
        "celery.bin.celery",
        "celery.concurrency.prefork",
        "celery.fixups.django",
        "celery.worker.consumer",
    ),
}


def load_libraries(module: str) -> None:
    """Load what a program of this module will need."""
    if "daphne.cli" in OF_MODULE.get(module, ()):
        choose_loop()
    for name in (*OF_MODULE.get(module, ()), *COMMON):
        importlib.import_module(name)


def choose_loop() -> None:
    """As orderengine/web/__main__.py does: daphne, once loaded, has taken one."""
    reactor = importlib.import_module("twisted.internet.asyncioreactor")
    reactor.install(importlib.import_module("uvloop").new_event_loop())


def main() -> None:
    """Load, wait, and run the module; end if the other end of standard input is closed."""
    module = sys.argv[1]
    load_libraries(module)
    if not sys.stdin.readline():
        return
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, sys.stdin.fileno())
    os.close(nothing)
    del sys.argv[0]
    sys.path.insert(0, os.getcwd())
    runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
