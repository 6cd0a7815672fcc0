"""The supervisor of `make run` as a child: started on a state directory, waited for, and ended with all it started."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryFile

from orderengine.environment.state_files import read_table

ROOT = Path(__file__).resolve().parents[2]
START_TIMEOUT_S = 90.0
END_TIMEOUT_S = 30.0
POLL_S = 0.05
# The engine under test gets what the suite says, and the caller's path, home and the like.
OWN = {"DATABASE_URL", "REDIS_HOST", "REDIS_PORT", "REDIS_PASSWORD", "CHAIN", "PORT", "HOST", "STATE_DIR"}


@contextmanager
def supervised(
    options: list[str], environment: dict[str, str], state: Path, is_up: Callable[[], bool]
) -> Iterator[Path]:
    """Run `orderengine.devstack run` with these options until the block ends.

    Raises: SystemExit when it does not start, with its own lines before.
    """
    clean = {name: value for name, value in os.environ.items() if name not in OWN}
    argv = [sys.executable, "-m", "orderengine.devstack", "run", *options]
    with TemporaryFile() as said:
        child = subprocess.Popen(
            argv,
            cwd=ROOT,
            env=clean | environment | {"STATE_DIR": str(state)},
            stdout=said,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            _await(child, is_up)
            yield state
        except SystemExit:
            said.seek(0)
            sys.stderr.write(said.read().decode(errors="replace"))
            raise
        finally:
            child.send_signal(signal.SIGINT)
            try:
                child.wait(END_TIMEOUT_S)
            except subprocess.TimeoutExpired:
                child.kill()


def _await(child: "subprocess.Popen[bytes]", is_up: Callable[[], bool]) -> None:
    ends_at = time.monotonic() + START_TIMEOUT_S
    while not is_up():
        if child.poll() is not None:
            raise SystemExit(f"error: the supervisor ended with {child.returncode} while starting; its lines are above")
        if time.monotonic() > ends_at:
            raise SystemExit(f"error: not ready after {START_TIMEOUT_S:.0f} s; the supervisor's lines are above")
        time.sleep(POLL_S)


def processes(state: Path) -> dict[str, int]:
    """Process ids by name, as the supervisor on this state wrote them, without its own and the guard's."""
    table = read_table(state, "processes")
    return {name: int(pid) for name, pid in table.items() if name not in {"supervisor", "guard"}}


def free_port() -> int:
    """A port of loopback that no process listens on at the moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port
