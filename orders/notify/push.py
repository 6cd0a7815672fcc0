"""Hints over the channel layer that there are new events; readers find the events in the database."""

import asyncio
import os
import threading
from collections.abc import Iterable

from channels.layers import get_channel_layer

from orders.notify.breaker import hints

# Every process that serves sockets listens to this one group and fans out in memory.
GROUP = "order-events"
PUSH_TIMEOUT_S = 1.0


def push_events(account_ids: Iterable[int]) -> None:
    """Hint to every socket process that new events of these accounts are committed; a lost hint costs a second.

    Call after the commit, never inside a transaction. Never raises.
    """
    accounts = sorted(set(account_ids))
    if accounts:
        hints.attempt(lambda: asyncio.run_coroutine_threadsafe(_send(accounts), _loop()).result(PUSH_TIMEOUT_S))


async def _send(accounts: list[int]) -> None:
    layer = get_channel_layer()
    assert layer is not None
    await layer.group_send(GROUP, {"type": "order.events", "accounts": accounts})


class _Loop:
    """One event loop thread per process: a loop per call would reconnect to Redis each time."""

    lock = threading.Lock()
    pid: int | None = None
    loop: asyncio.AbstractEventLoop


def _loop() -> asyncio.AbstractEventLoop:
    with _Loop.lock:
        if _Loop.pid != os.getpid():  # also after a fork, which copies the loop but not its thread
            _Loop.loop = asyncio.new_event_loop()
            threading.Thread(target=_Loop.loop.run_forever, name="event-push", daemon=True).start()
            _Loop.pid = os.getpid()
        return _Loop.loop
