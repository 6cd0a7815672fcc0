"""Runs one command beside servers of its own that are thrown away: for `make test` and all that needs a database."""

import secrets
import signal
import subprocess
import sys
import time
from pathlib import Path

from orderengine.devstack.children import Children
from orderengine.devstack.console import Console
from orderengine.devstack.environment import free_port
from orderengine.devstack.servers import start_embedded, throw_away_directory
from orderengine.devstack.state import State
from orderengine.environment.reading import load

# What a shell answers for a command that it cannot find.
NOT_FOUND = 127
POLL_S = 0.02


def with_servers(root: Path, argv: list[str]) -> int:
    """Run `argv` with throw-away servers in its environment; return its exit code."""
    directory = throw_away_directory()
    state = State(directory)
    state.lock()
    with Children(state, Console(sys.stderr, quiet=True)) as children:
        children.remove_at_end(directory)
        reading = load(root)
        # What is set to nothing stays so: the command reads `.env` again, below its environment.
        environment = dict.fromkeys(reading.empty, "") | reading.values
        # Never the servers of the user: tests empty what they are given.
        environment |= start_embedded({"postgres", "valkey"}, state, children, throw_away=True)
        environment |= {"HOST": "127.0.0.1", "PORT": str(free_port()), "STATE_DIR": str(directory)}
        environment |= {"SECRET_KEY": secrets.token_urlsafe(48)}
        environment["DEBUG"] = environment.get("DEBUG") or "1"
        return _run(argv, environment, children)


def _run(argv: list[str], environment: dict[str, str], children: Children) -> int:
    # It keeps the terminal and gets Ctrl-C itself; the servers stay up until it has ended.
    # (A handler, because the command would inherit SIG_IGN.)
    signal.signal(signal.SIGINT, lambda _received, _frame: None)
    try:
        process = subprocess.Popen(argv, env=environment)
    except OSError as error:
        sys.stderr.write(f"error: {argv[0]}: {error.strerror}\n")
        return NOT_FOUND
    children.hold(process.pid, "APP", signal.SIGTERM)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda received, _frame: process.send_signal(received))
    # In steps: a signal that arrives just before a wait without end would reach its handler only with the next one.
    while (code := process.poll()) is None:
        time.sleep(POLL_S)
    return code if code >= 0 else 128 - code
