"""Hostile HTTP: thousands of requests made up from the API's own schema, valid and not, against the running engine.

Run: make fuzz [CASES=5000] [SEED=1]. Schemathesis judges every answer (no 5xx, nothing undocumented, valid requests
accepted, broken ones refused, the key demanded); then every order that came of it must have ended.
"""

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import httpx

from orderengine.devstack.environment import free_port
from orderengine.tests.conftest import state_directory
from orderengine.tests.engines import ROOT, Engine

CONFIG = ROOT / ".ci" / "schemathesis.toml"
SETTINGS = {"SIM_BLOCK_TIME_MS": "20", "SIM_QUOTE_DELAY_MS": "0", "SIM_BUILD_DELAY_MS": "0", "SIM_SUBMIT_DELAY_MS": "0"}
SETTINGS |= {"REQUIRE_API_KEY": "1", "LOG_LEVEL": "WARNING"}
REQUESTS_PER_EXAMPLE = 2.5  # all phases together, as measured
READY_S, END_S = 60, 60
LIVE = ("PENDING", "ROUTING", "BUILDING", "SUBMITTED")


def main() -> int:
    """Fuzz an engine of our own; the exit code of the judge, or 1 when something was left behind."""
    cases, seed = int(sys.argv[1]), sys.argv[2]
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the engine ends too
    with state_directory() as state:
        engine = Engine(state, PORT=str(free_port()), **SETTINGS).until_up()
        try:
            key = engine.manage("keys", "create", "fuzz").stdout.split()[0]
            code = _judge(engine.url, key, cases, seed)
            return code or _left_behind(engine, key)
        finally:
            engine.stop()


def _judge(url: str, key: str, cases: int, seed: str) -> int:
    """Run Schemathesis with `cases` cases in all, spread over the operations."""
    with httpx.Client(base_url=url, headers={"Authorization": f"Bearer {key}"}) as client:
        _until(lambda: client.get("/ready").status_code == 200, READY_S)
        paths = client.get("/api/v1/schema", headers={"Accept": "application/vnd.oai.openapi+json"}).json()["paths"]
    operations = sum(method in {"get", "post", "put", "patch", "delete"} for item in paths.values() for method in item)
    with tempfile.TemporaryDirectory() as directory:
        # By file: an argument would show the key to everybody on the machine.
        config = Path(directory) / "schemathesis.toml"
        config.write_text(CONFIG.read_text() + '\n[headers]\nAuthorization = "Bearer ${FUZZ_KEY}"\n')
        command = [
            *(str(Path(sys.executable).with_name("schemathesis")), "--config-file", str(config)),
            *("run", f"{url}/api/v1/schema"),
            *("--max-examples", str(max(1, int(cases / operations / REQUESTS_PER_EXAMPLE))), "--seed", seed),
        ]
        return subprocess.run(command, cwd=directory, env=os.environ | {"FUZZ_KEY": key}, check=False).returncode


def _left_behind(engine: Engine, key: str) -> int:
    """Whether an order has not ended, or a process said more than it should have."""
    with httpx.Client(base_url=engine.url, headers={"Authorization": f"Bearer {key}"}) as client:
        # Some wait for a price or a time that does not come.
        client.post("/api/v1/orders/cancel", json={"all": True}).raise_for_status()
        try:
            _until(lambda: not client.get("/api/v1/orders", params={"status": LIVE}).json()["results"], END_S)
        except TimeoutError:
            print(f"error: orders are left after {END_S} s", file=sys.stderr)
            return 1
    traces = [line for line in engine.said if "Traceback" in line]
    if traces:
        print("error: there are tracebacks in the log:", *engine.said, file=sys.stderr)
    return int(bool(traces))


def _until(is_so: Callable[[], bool], seconds: float) -> None:
    ends_at = time.monotonic() + seconds
    while not is_so():
        if time.monotonic() > ends_at:
            raise TimeoutError
        time.sleep(0.2)


if __name__ == "__main__":
    sys.exit(main())
