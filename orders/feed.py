"""One listener per process: takes committed events off the channel layer and hands them to the sockets that follow.

A push may be lost, late or doubled; the rows decide. Once a second the listener compares what each socket has
sent with the rows, so a lost push costs a second.
"""

import asyncio
import logging
from collections import defaultdict
from typing import Any, Protocol
from uuid import UUID
from weakref import WeakKeyDictionary

from channels.db import database_sync_to_async
from channels.layers import get_channel_layer

from orders.events import GROUP
from orders.selectors import last_seqs

logger = logging.getLogger(__name__)

CHECK_INTERVAL_S = 1.0
# A fresh subscription of the channel layer takes up to 100 ms to hear its first message, so one is kept for a while.
LINGER_S = 30.0
RECONNECT_S = 0.5


class Follower(Protocol):
    """A socket that follows one order."""

    @property
    def order_id(self) -> UUID: ...
    @property
    def sent_seq(self) -> int: ...

    def offer(self, event: dict[str, Any]) -> None:
        """Take an event that may be old, next or too far ahead. Must not wait."""
        ...

    def catch_up(self) -> None:
        """The rows are ahead of what was sent: read them. Must not wait."""
        ...


class EventFeed:
    """Fans events out in memory. It listens while somebody follows, and a while longer."""

    def __init__(self) -> None:
        self._followers: dict[UUID, set[Follower]] = defaultdict(set)
        self._tasks: list[asyncio.Task[None]] = []
        self._listening = asyncio.Event()
        self._rests: asyncio.TimerHandle | None = None

    async def follow(self, follower: Follower) -> None:
        """From the return on, events of the follower's order reach it."""
        self._followers[follower.order_id].add(follower)
        if self._rests is not None:
            self._rests.cancel()
            self._rests = None
        if not self._tasks:
            self._tasks = [asyncio.create_task(self._listen()), asyncio.create_task(self._check())]
        # Without Redis the check below still serves everybody, once a second.
        try:
            await asyncio.wait_for(self._listening.wait(), RECONNECT_S)
        except TimeoutError:
            logger.warning("following order %s without push: Redis does not answer", follower.order_id)

    def unfollow(self, follower: Follower) -> None:
        """Stop; some time after the last one the feed rests."""
        followers = self._followers.get(follower.order_id, set())
        followers.discard(follower)
        if not followers:
            self._followers.pop(follower.order_id, None)
        if not self._followers and self._rests is None:
            self._rests = asyncio.get_running_loop().call_later(LINGER_S, self._rest)

    def _rest(self) -> None:
        for task in self._tasks:
            task.cancel()
        self._tasks = []
        self._listening.clear()
        self._rests = None

    async def _listen(self) -> None:
        layer = get_channel_layer()
        assert layer is not None
        while True:
            try:
                channel = await layer.new_channel()
                await layer.group_add(GROUP, channel)
                self._listening.set()
                try:
                    while True:
                        self._hand_out(await layer.receive(channel))
                finally:
                    await asyncio.shield(layer.group_discard(GROUP, channel))
            except Exception as error:
                self._listening.clear()
                logger.warning("event feed lost Redis (%s), trying again", type(error).__name__)
                await asyncio.sleep(RECONNECT_S)

    def _hand_out(self, message: dict[str, Any]) -> None:
        for event in message["events"]:
            for follower in tuple(self._followers.get(UUID(event["order_id"]), ())):
                follower.offer(event)

    async def _check(self) -> None:
        while True:
            await asyncio.sleep(CHECK_INTERVAL_S)
            if not self._followers:
                continue
            try:
                seqs = await database_sync_to_async(last_seqs)(tuple(self._followers))
            except Exception as error:
                logger.warning("event feed could not read the rows (%s), trying again", type(error).__name__)
                continue
            for order_id, seq in seqs.items():
                for follower in tuple(self._followers.get(order_id, ())):
                    if follower.sent_seq < seq:
                        follower.catch_up()


_feeds: WeakKeyDictionary[asyncio.AbstractEventLoop, EventFeed] = WeakKeyDictionary()


def get_feed() -> EventFeed:
    """The feed of the running event loop: in a server there is one per process."""
    loop = asyncio.get_running_loop()
    if loop not in _feeds:
        _feeds[loop] = EventFeed()
    return _feeds[loop]
