"""The BullMQ peer: installed by npm into `.bench/` when it is first needed, and started on the shared servers."""

import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryFile

import httpx

from benchmarks.suite.servers import Servers
from benchmarks.suite.supervised import ROOT, free_port
from orderengine.tests.npm import NpmError, install

SOURCES = ROOT / "benchmarks/peers/bullmq"
DATABASE = "peer_db"
START_TIMEOUT_S = 30.0
POLL_S = 0.05
# Below the sessions that the servers of `make run` allow, and where more made it no faster.
POOL = 20


def installed(folder: Path) -> Path:
    """The folder with the peer and its packages, installed again where the lock has changed. Raises: SystemExit."""
    try:
        return install(SOURCES, folder)
    except NpmError as error:
        raise SystemExit(f"error: the peer is not there: {error}.\n  Way out: correct that, or PEER=0.") from error


@contextmanager
def peer(
    servers: Servers, folder: Path, database_url: str, *, concurrency: int = 50, delay_ms: int = 0
) -> Iterator[tuple[str, int]]:
    """Start it, API and worker in one process, as its own benchmark does; its address and process id."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    own = {
        "DATABASE_URL": database_url,
        "PORT": str(port),
        "HOST": "127.0.0.1",
        "POOL": str(POOL),
        "CONCURRENCY": str(concurrency),
        "DELAY_MS": str(delay_ms),
        "NODE_ENV": "production",
    }
    with TemporaryFile() as said:
        child = subprocess.Popen(
            ["node", "server.js"],
            cwd=folder,
            env=os.environ | servers.redis | own,
            stdout=said,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            _await(child, url)
            yield url, child.pid
        except SystemExit as error:
            said.seek(0)
            raise SystemExit(f"{said.read().decode(errors='replace')}\n{error}") from None
        finally:
            child.terminate()
            try:
                child.wait(START_TIMEOUT_S)
            except subprocess.TimeoutExpired:
                child.kill()


def _await(child: "subprocess.Popen[bytes]", url: str) -> None:
    ends_at = time.monotonic() + START_TIMEOUT_S
    while True:
        try:
            if httpx.get(f"{url}/health", timeout=1).status_code == httpx.codes.OK:
                return
        except httpx.HTTPError:
            pass
        if child.poll() is not None or time.monotonic() > ends_at:
            raise SystemExit("error: the peer did not start; its lines are above")
        time.sleep(POLL_S)
