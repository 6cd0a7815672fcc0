"""A supervisor of the test's own, as its users start it, and what became of its processes."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import psycopg
import redis

from orderengine.tests.warm import run_warm

ROOT = Path(__file__).resolve().parents[2]
FAST = {"SIM_BLOCK_TIME_MS": "20", "SIM_QUOTE_DELAY_MS": "1", "SIM_BUILD_DELAY_MS": "1", "SIM_SUBMIT_DELAY_MS": "1"}
FAST |= {"SIM_NOISE_TRADES": "0", "PIPELINE_LEASE_S": "6", "ROUTE_DEADLINE_MS": "25", "LOG_LEVEL": "WARNING"}
DEVSTACK = [sys.executable, "-m", "orderengine.devstack"]
GIVEN_BY_MAKE_TEST = {"DATABASE_URL", "REDIS_HOST", "REDIS_PORT", "REDIS_PASSWORD", "PORT", "HOST", "STATE_DIR"}

Start = Callable[..., "Engine"]


class Engine:
    """A supervisor on a state directory of the test's: with a PORT everything, without one its servers alone."""

    def __init__(self, state: Path, root: Path = ROOT, /, *options: str, **environment: str) -> None:
        self.state = state
        self.said: deque[str] = deque(maxlen=1000)
        self.url = f"http://127.0.0.1:{environment.get('PORT')}"
        clean = {name: value for name, value in os.environ.items() if name not in GIVEN_BY_MAKE_TEST}
        self.process = subprocess.Popen(
            [*DEVSTACK, "run", *options, *([] if "PORT" in environment else ["--only-servers"])],
            cwd=root,
            env=clean | {"STATE_DIR": str(state)} | environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def until_up(self) -> "Engine":
        assert self.process.stdout
        said = []
        for line in self.process.stdout:
            said.append(line)
            if "Ctrl-C stops them" in line:
                return self
            if "Ctrl-C here stops everything" in line:
                # The whole engine says more than a pipe holds, and would stand still on a full one.
                threading.Thread(target=self._read_on, daemon=True).start()
                return self
        raise AssertionError("".join(said))

    def _read_on(self) -> None:
        for line in self.process.stdout or ():
            self.said.append(line)

    def refusal(self) -> str:
        """What it said instead of starting."""
        said, _ = self.process.communicate(timeout=20)
        assert self.process.returncode == 1, said
        assert "Traceback" not in said
        assert "Way out:" in said
        assert self.shared("processes") == {}
        return said

    def stop(self) -> int:
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(timeout=15)

    def shared(self, name: str) -> dict[str, str]:
        file = self.state / f"{name}.json"
        table: dict[str, str] = json.loads(file.read_text()) if file.exists() else {}
        return table

    def processes(self) -> dict[str, int]:
        return {name: int(pid) for name, pid in self.shared("processes").items()}

    def connect(self) -> "psycopg.Connection[tuple[object, ...]]":
        return psycopg.connect(self.shared("environment")["DATABASE_URL"], autocommit=True)

    def redis(self) -> "redis.Redis":
        shared = self.shared("environment")
        return redis.Redis(shared["REDIS_HOST"], int(shared["REDIS_PORT"]), password=shared["REDIS_PASSWORD"])

    def manage(self, *words: str, timeout_s: float = 60) -> "subprocess.CompletedProcess[str]":
        """Run `manage.py` as a second terminal would: it finds the engine by the state directory."""
        clean = {name: value for name, value in os.environ.items() if name not in GIVEN_BY_MAKE_TEST}
        environment = clean | {"STATE_DIR": str(self.state), "NO_COLOR": "1"}
        return run_warm("manage.py", *words, cwd=ROOT, environment=environment, timeout_s=timeout_s)


def is_running(pid: int) -> bool:
    """Whether the process is there and no zombie waiting to be reaped by its parent."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        if Path("/proc/self").exists():
            return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def wait_until_gone(pids: list[int], seconds: float) -> list[int]:
    deadline = time.monotonic() + seconds
    while any(map(is_running, pids)) and time.monotonic() < deadline:
        time.sleep(0.05)
    return [pid for pid in pids if is_running(pid)]


def until(is_so: Any, seconds: float) -> None:
    """Wait for something to become true."""
    ends_at = time.monotonic() + seconds
    while time.monotonic() < ends_at:
        try:
            if is_so():
                return
        except (httpx.HTTPError, psycopg.OperationalError):
            pass
        time.sleep(0.05)
    raise AssertionError(f"still not so after {seconds} s")


def order(**changes: Any) -> dict[str, Any]:
    return {"token_in": "SOL", "token_out": "USDC", "amount": "1", "client_order_id": str(uuid4()), **changes}
