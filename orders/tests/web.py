"""A web process of the test's own, on the test's database."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

import httpx
from django.conf import settings
from django.db import connections

ROOT = Path(__file__).resolve().parents[2]
START_S = 150.0
TICK_S = 0.05


class Web:
    """One web server on a port of its own; it may be ended and started again."""

    def __init__(self, log: Path, server: str = "daphne") -> None:
        self.log, self.checked, self.server = log, 0, server
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port: int = probe.getsockname()[1]
        self.url = f"ws://127.0.0.1:{self.port}"
        self.start()

    def start(self) -> None:
        """Start, and wait until it answers."""
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [
                    sys.executable,
                    "-m",
                    "orderengine.web",
                    "-v",
                    "0",
                    "-p",
                    str(self.port),
                    "orderengine.asgi:application",
                ],
                cwd=ROOT,
                env=os.environ | self._environment(),
                stdout=log,
                stderr=log,
            )
        ends_at = time.monotonic() + START_S
        while not self.is_healthy():
            assert self.process.poll() is None, self.log.read_text()
            assert time.monotonic() < ends_at, "the server does not answer"
            time.sleep(TICK_S)

    def is_healthy(self) -> bool:
        """Whether it serves HTTP now."""
        try:
            return httpx.get(f"http://127.0.0.1:{self.port}/health", timeout=5).status_code == 200
        except httpx.TransportError:
            return False

    def end(self, number: int = signal.SIGTERM) -> int:
        """Signal it and wait; its exit code."""
        self.process.send_signal(number)
        return self.process.wait(timeout=20)

    def rss_kib(self) -> int:
        """Resident memory."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS"))

    def cpu_s(self) -> float:
        """Seconds that it has calculated."""
        user, system = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()[11:13]
        return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")

    def open_sockets(self) -> int:
        """How many sockets the process holds."""
        links = [os.readlink(entry) for entry in Path(f"/proc/{self.process.pid}/fd").iterdir() if entry.is_symlink()]
        return sum(link.startswith("socket:") for link in links)

    def said_wrong(self) -> list[str]:
        """New lines of its log that only a bug writes; the channel layer may say that Redis cut it off."""
        lines = self.log.read_bytes()[self.checked :].decode(errors="replace").splitlines()
        self.checked = self.log.stat().st_size
        wrong = [i for i, line in enumerate(lines) if "Traceback" in line or " ERROR " in line or "Unhandled" in line]
        return [lines[i] for i in wrong if "channels_redis" not in lines[i] + lines[max(0, i - 1)]]

    def _environment(self) -> dict[str, str]:
        wanted = connections["default"].settings_dict
        user, password = quote(str(wanted["USER"])), quote(str(wanted["PASSWORD"]))
        address = f"{wanted['HOST']}:{wanted['PORT']}/{wanted['NAME']}"
        return {
            "DATABASE_URL": f"postgresql://{user}:{password}@{address}",
            "DEBUG": "1",
            "DEBUG_PAGES": "0",
            "REQUIRE_API_KEY": "1",
            "SECRET_KEY": settings.SECRET_KEY.ljust(40, "x"),
            "WEB_SERVER": self.server,
        }


@contextmanager
def web_server(directory: Path, server: str = "daphne") -> Iterator[Web]:
    """A running server; ended also where the test fails."""
    web = Web(directory / "web.log", server)
    try:
        yield web
    finally:
        if web.process.poll() is None:
            web.end(signal.SIGKILL)
