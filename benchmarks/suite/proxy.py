"""Stands between an engine and PostgreSQL and notes what passes. It slows every round trip: no times are compared."""

import asyncio
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from benchmarks.suite.wire import GSS, SSL, Event, Session

CHUNK = 65536
HEADER = 8  # of a first message: its length, and the protocol's version or a code
START_TIMEOUT_S = 10


class Proxy:
    """A port of its own on loopback; every connection goes on to the server of `database_url`."""

    def __init__(self, database_url: str) -> None:
        self._target = urlsplit(database_url)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._sessions = 0
        self.port = 0
        self.events: list[Event] = []
        # The process that opened each session, 0 where it cannot be told.
        self.processes: dict[int, int] = {}

    def __enter__(self) -> "Proxy":
        self._thread.start()
        starting = asyncio.run_coroutine_threadsafe(asyncio.start_server(self._serve, "127.0.0.1", 0), self._loop)
        self._server = starting.result(START_TIMEOUT_S)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    def __exit__(self, *_: object) -> None:
        asyncio.run_coroutine_threadsafe(self._end(), self._loop).result(START_TIMEOUT_S)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(START_TIMEOUT_S)
        self._loop.close()

    def url(self, database: str = "") -> str:
        """The address for the process to be watched, of the same database or of another one there."""
        user = self._target.netloc.rpartition("@")[0]
        path = f"/{database}" if database else self._target.path
        return urlunsplit(self._target._replace(netloc=f"{user}@127.0.0.1:{self.port}", path=path))

    def since(self, start: float, end: float | None = None) -> list[Event]:
        """What began in this time, by the monotonic clock."""
        ends_at = time.monotonic() if end is None else end
        return [event for event in tuple(self.events) if start <= event.at < ends_at]

    async def _end(self) -> None:
        self._server.close()
        others = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # By the end of the proxy; Python 3.11 prints a traceback for each session otherwise.
        with suppress(asyncio.CancelledError):
            await self._watch(reader, writer)

    async def _watch(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._sessions += 1
        session = Session(self._sessions, self.events.append)
        self.processes[session.number] = owner(writer.get_extra_info("peername")[1], self.port)
        try:
            first = await _first_message(reader, writer)
            up, down = await asyncio.open_connection(self._target.hostname, self._target.port or 5432)
            session.client(first)
            down.write(first)
            async with asyncio.TaskGroup() as both:
                both.create_task(_relay(reader, down, session.client))
                both.create_task(_relay(up, writer, session.server))
        except* (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()


async def _first_message(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes:
    """The start-up message; encryption, which some ask for before it, is refused: we are on loopback."""
    while True:
        header = await reader.readexactly(HEADER)
        if int.from_bytes(header[4:]) not in {SSL, GSS}:
            return header + await reader.readexactly(int.from_bytes(header[:4]) - HEADER)
        writer.write(b"N")


async def _relay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, note: Callable[[bytes], None]) -> None:
    """Pass everything on, then close: the other direction ends by that."""
    try:
        while data := await reader.read(CHUNK):
            note(data)
            writer.write(data)
            await writer.drain()
    finally:
        writer.close()


def owner(local_port: int, remote_port: int) -> int:
    """The process of this machine that holds the client's end of a connection on loopback; 0 when none is found."""
    inode = _inode(local_port, remote_port)
    wanted = f"socket:[{inode}]"
    for entry in Path("/proc").iterdir() if inode else ():
        if entry.name.isdigit() and _holds(entry / "fd", wanted):
            return int(entry.name)
    return 0


def _holds(descriptors: Path, wanted: str) -> bool:
    """Whether one of a process's descriptors leads there. Others may close meanwhile, and so may the process end."""
    with suppress(OSError):
        for descriptor in descriptors.iterdir():
            with suppress(OSError):
                if str(descriptor.readlink()) == wanted:
                    return True
    return False


def _inode(local_port: int, remote_port: int) -> str:
    for table in ("tcp", "tcp6"):
        try:
            lines = Path(f"/proc/net/{table}").read_text(encoding="ascii").splitlines()[1:]
        except OSError:
            continue
        for line in lines:
            fields = line.split()
            ports = tuple(int(field.rpartition(":")[2], 16) for field in fields[1:3])
            if ports == (local_port, remote_port):
                return fields[9]
    return ""
