"""Host names looked up by the system's resolver, in threads of their own: it cannot be interrupted, and may hang.

Daemon threads, so that none holds up the end of the process.
"""

import asyncio
import socket
import threading
from ipaddress import ip_address
from typing import Any

from orders.webhooks.targets import Address

# Look-ups at a time; who comes beyond that waits within the time of its attempt.
MOST = 64
BUSY_S = 0.05
_running: set[threading.Thread] = set()


class UnknownName(Exception):
    """A host that the resolver does not know, or does not find now."""


async def look_up(host: str, port: int) -> list[Address]:
    """Every address of a host. Raises: UnknownName."""
    while len(_running) >= MOST:  # noqa: ASYNC110 - the threads that end may be of another loop
        await asyncio.sleep(BUSY_S)
    loop = asyncio.get_running_loop()
    found: asyncio.Future[list[Any] | None] = loop.create_future()

    def answer(places: list[Any] | None) -> None:
        if not found.done():
            found.set_result(places)

    def ask() -> None:
        try:
            places = _places(host, port)
        finally:
            _running.discard(threading.current_thread())
        if not loop.is_closed():
            loop.call_soon_threadsafe(answer, places)

    thread = threading.Thread(target=ask, name="lookup", daemon=True)
    _running.add(thread)
    thread.start()
    places = await found
    if places is None:
        raise UnknownName(host)
    return [ip_address(place[0].partition("%")[0]) for *_, place in places]


def _places(host: str, port: int) -> list[Any] | None:
    try:
        return socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return None
