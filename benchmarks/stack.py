"""An engine of its own for a benchmark: the ordinary supervisor on a fresh state, simulated latency and noise off."""

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

ROOT = Path(__file__).resolve().parents[1]
START_TIMEOUT_S = 90
NO_DELAYS = {
    "SIM_BLOCK_TIME_MS": "0",
    "SIM_QUOTE_DELAY_MS": "0",
    "SIM_BUILD_DELAY_MS": "0",
    "SIM_SUBMIT_DELAY_MS": "0",
    "SIM_NOISE_TRADES": "0",
}


@dataclass(frozen=True, slots=True)
class Stack:
    """Where a running engine is: base URL, database, and the processes that the supervisor keeps."""

    url: str
    database_url: str
    state: Path

    def processes(self) -> dict[str, int]:
        """Process ids by name, as the supervisor wrote them."""
        return {name: int(pid) for name, pid in json.loads((self.state / "processes.json").read_text()).items()}


@contextmanager
def fresh_stack(**environment: str) -> Iterator[Stack]:
    """Start `make run`'s supervisor on an empty state directory; end it afterwards."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with tempfile.TemporaryDirectory(prefix="order-engine-bench-", dir=os.environ.get("BENCH_DIR")) as directory:
        os.chmod(directory, 0o711)
        state = Path(directory) / "state"
        clean = {k: v for k, v in os.environ.items() if k not in {"DATABASE_URL", "REDIS_HOST", "REDIS_PORT"}}
        own = {"STATE_DIR": str(state), "PORT": str(port), "LOG_LEVEL": "WARNING", **NO_DELAYS, **environment}
        supervisor = subprocess.Popen(
            [sys.executable, "-m", "orderengine.devstack", "run"],
            cwd=ROOT,
            env=clean | own,
            stdout=subprocess.PIPE if not os.environ.get("BENCH_VERBOSE") else None,
            stderr=subprocess.STDOUT if not os.environ.get("BENCH_VERBOSE") else None,
            start_new_session=True,
        )
        try:
            yield _await(supervisor, f"http://127.0.0.1:{port}", state)
        finally:
            supervisor.send_signal(signal.SIGINT)
            try:
                supervisor.communicate(timeout=30)
            except subprocess.TimeoutExpired:
                supervisor.kill()


def _await(supervisor: "subprocess.Popen[bytes]", url: str, state: Path) -> Stack:
    ends_at = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < ends_at:
        if supervisor.poll() is not None:
            output = supervisor.stdout.read().decode() if supervisor.stdout else ""
            raise SystemExit(f"the engine did not start:\n{output}")
        try:
            if httpx.get(f"{url}/ready", timeout=3).status_code == 200:
                shared = json.loads((state / "environment.json").read_text())
                return Stack(url, shared["DATABASE_URL"], state)
        except httpx.HTTPError:
            pass
        time.sleep(0.2)
    raise SystemExit("the engine is not ready after 90 s; run again with BENCH_VERBOSE=1")
