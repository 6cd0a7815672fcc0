"""Hints to the processes that deliver webhooks: an account has new events, or an endpoint has changed.

Both may be lost: who delivers looks by itself, too.
"""

import asyncio
import logging
from collections.abc import Collection
from typing import Any, Protocol

from channels.layers import get_channel_layer

from orders.config import channels_redis_url
from orders.notify.breaker import hints
from orders.notify.envelope import open_sealed, seal
from orders.notify.kept import kept
from orders.notify.push import GROUP as EVENTS
from orders.notify.push import read_news
from orders.notify.redis_errors import redis_reason

logger = logging.getLogger(__name__)

GROUP = "webhooks"
CHANNEL = f"asgi__group__{GROUP}"
CHANGED = b"webhooks"
# Messages of the two groups are told apart before their seals are looked at.
CHANGE = "webhooks.change"
RECONNECT_S = 1.0


def hint_change() -> None:
    """Say that an endpoint was made or changed, or a message asked for. Call after the commit. Never raises."""
    layer: Any = get_channel_layer()
    message = layer.serialize(seal(CHANGED) | {"type": CHANGE})
    hints.attempt(lambda: kept(channels_redis_url()).send([("PUBLISH", CHANNEL, message)]))


class Listener(Protocol):
    """Who is told of hints."""

    @property
    def wants_events(self) -> bool:
        """Whether it cares for any account's events; else they are not even read."""

    def hear(self, account_ids: Collection[int]) -> None:
        """These accounts have new events."""

    def change(self) -> None:
        """An endpoint was made or changed, or hints may have been missed."""


async def listen(listener: Listener) -> None:
    """Hand on every hint as it comes, without end."""
    layer: Any = get_channel_layer()
    said = ""
    while True:
        try:
            channel = await layer.new_channel()
            await layer.group_add(EVENTS, channel)
            await layer.group_add(GROUP, channel)
            said = ""
            listener.change()
            try:
                while True:
                    await _take_next(layer, channel, listener)
            finally:
                await asyncio.shield(_leave(layer, channel))
        except Exception as error:
            if (reason := redis_reason(error)) != said:
                said = reason
                logger.warning("webhooks lost Redis (%s): they look for events each second until that is back", reason)
            await asyncio.sleep(RECONNECT_S)


async def _take_next(layer: Any, channel: str, listener: Listener) -> None:
    """Wait for a message; one that cannot be read, or that this engine has not sent, is nothing."""
    try:
        message = await layer.receive(channel)
        if isinstance(message, dict) and message.get("type") == CHANGE:
            if open_sealed(message) == CHANGED:
                listener.change()
        elif listener.wants_events and (news := read_news(message)) is not None:
            listener.hear(news.account_ids)
    except ValueError:
        return


async def _leave(layer: Any, channel: str) -> None:
    for group in (EVENTS, GROUP):
        await layer.group_discard(group, channel)
