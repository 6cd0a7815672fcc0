"""The BullMQ peer: installed by npm into `.bench/` when it is first needed, and started on the shared servers."""

import hashlib
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryFile

import httpx

from benchmarks.suite.servers import Servers
from benchmarks.suite.supervised import ROOT, free_port

SOURCES = ROOT / "benchmarks/peers/bullmq"
DATABASE = "peer_db"
# No script of any package runs, and nothing but what the lock names is installed.
NPM = ("npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error")
LOCKED = ("package.json", "package-lock.json", ".npmrc")
START_TIMEOUT_S = 30.0
POLL_S = 0.05
# Below the sessions that the servers of `make run` allow, and where more made it no faster.
POOL = 20


def installed(folder: Path) -> Path:
    """The folder with the peer and its packages, installed again where the lock has changed. Raises: SystemExit."""
    folder.mkdir(parents=True, exist_ok=True)
    wanted = hashlib.sha256(b"".join((SOURCES / name).read_bytes() for name in LOCKED)).hexdigest()
    stamp = folder / "installed"
    for source in SOURCES.iterdir():
        shutil.copy(source, folder / source.name)
    if not stamp.is_file() or stamp.read_text() != wanted:
        if shutil.which("npm") is None or shutil.which("node") is None:
            raise SystemExit(
                "error: the peer needs Node.js 20.18 or newer with npm.\n  Way out: install it, or PEER=0."
            )
        stamp.unlink(missing_ok=True)
        done = subprocess.run(NPM, cwd=folder, capture_output=True, text=True)
        if done.returncode:
            said = (done.stderr or done.stdout).strip()[-500:]
            raise SystemExit(f"error: npm could not install the peer: {said}\n  Way out: correct that, or PEER=0.")
        stamp.write_text(wanted)
    return folder


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
