"""What only a soak has: a worker with a wrong clock, clients that never read, and an eye on memory and descriptors."""

import socket
import statistics
import sys
import time
from pathlib import Path
from urllib.parse import urlsplit

from orderengine.chaos.followers import STREAM
from orderengine.chaos.stack import Stack

FAKETIME = (
    "/usr/lib/*/faketime/libfaketime.so.1",
    "/usr/lib/faketime/libfaketime.so.1",
    "/usr/local/lib/faketime/*.so.1",
)
SKEW = "+1h"
SKEWED = "worker-2"
SAMPLE_EVERY_S = 10.0
HANDSHAKE = (
    "GET {path} HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)


def skewed_clock() -> dict[str, dict[str, str]]:
    """Variables that set one worker's clock wrong, where this machine has libfaketime."""
    for pattern in FAKETIME:
        for library in sorted(Path("/").glob(pattern.lstrip("/"))):
            return {SKEWED: {"LD_PRELOAD": str(library), "FAKETIME": SKEW}}
    sys.stderr.write("chaos | NO CLOCK SKEW in this run: this machine has no libfaketime\n")
    return {}


class SlowClients:
    """Sockets that ask for everything and never read a byte; one that was cut off comes back."""

    def __init__(self, url: str, count: int) -> None:
        self._address = (urlsplit(url).hostname or "", urlsplit(url).port or 0)
        self._count = count
        self._open: list[socket.socket] = []

    def tend(self) -> None:
        """Open what is missing, one at a time."""
        self._open = [one for one in self._open if _is_open(one)]
        if len(self._open) < self._count:
            try:
                one = socket.create_connection(self._address, timeout=1)
                host = f"{self._address[0]}:{self._address[1]}"
                one.sendall(HANDSHAKE.format(path=f"{STREAM}?after=0", host=host).encode())
            except OSError:
                return
            self._open.append(one)


def _is_open(one: socket.socket) -> bool:
    """Whether the other side has not hung up, as far as can be seen without reading."""
    try:
        one.setblocking(False)
        return bool(one.recv(1, socket.MSG_PEEK))
    except BlockingIOError:
        return True
    except OSError:
        return False


class Gauges:
    """Memory and open descriptors of every process over the time of a run."""

    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        self._sampled_at = 0.0
        self._samples: dict[str, list[tuple[float, int, int]]] = {}

    def tend(self) -> None:
        """Take a sample when it is time."""
        now = time.monotonic()
        if now - self._sampled_at < SAMPLE_EVERY_S:
            return
        self._sampled_at = now
        for name, pid in self._stack.pids().items():
            try:
                resident = int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * 4
                descriptors = len(list(Path(f"/proc/{pid}/fd").iterdir()))
            except OSError:
                continue
            self._samples.setdefault(name, []).append((now, resident, descriptors))

    def slopes(self) -> dict[str, dict[str, float]]:
        """Growth per hour by process: kilobytes of memory, descriptors; 0 is what they should be."""
        found = {}
        for name, samples in self._samples.items():
            if len(samples) >= 3:
                times, memory, descriptors = (
                    [float(value) for value in column] for column in zip(*samples, strict=True)
                )
                found[name] = {
                    "rss_kb_per_h": round(statistics.linear_regression(times, memory).slope * 3600),
                    "fds_per_h": round(statistics.linear_regression(times, descriptors).slope * 3600, 1),
                }
        return found
