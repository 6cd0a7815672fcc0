"""Hints to the processes that deliver webhooks: an account has new events, or an endpoint has changed.

Both may be lost: who delivers looks by itself, too.
"""

import asyncio
import logging
from collections.abc import Callable, Collection
from typing import Any

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
RECONNECT_S = 1.0


def hint_change() -> None:
    """Say that an endpoint was made or changed, or a message asked for. Call after the commit. Never raises."""
    layer: Any = get_channel_layer()
    message = layer.serialize(seal(CHANGED))
    hints.attempt(lambda: kept(channels_redis_url()).send([("PUBLISH", CHANNEL, message)]))


async def listen(on_events: Callable[[Collection[int]], object], on_change: Callable[[], object]) -> None:
    """Hand on every hint as it comes, without end: the accounts with new events, and that an endpoint has changed."""
    layer: Any = get_channel_layer()
    said = ""
    while True:
        try:
            channel = await layer.new_channel()
            await layer.group_add(EVENTS, channel)
            await layer.group_add(GROUP, channel)
            said = ""
            on_change()  # what was missed until now
            try:
                while True:
                    await _take_next(layer, channel, on_events, on_change)
            finally:
                await asyncio.shield(_leave(layer, channel))
        except Exception as error:
            if (reason := redis_reason(error)) != said:
                said = reason
                logger.warning("webhooks lost Redis (%s): they look for events each second until that is back", reason)
            await asyncio.sleep(RECONNECT_S)


async def _take_next(
    layer: Any, channel: str, on_events: Callable[[Collection[int]], object], on_change: Callable[[], object]
) -> None:
    """Wait for a message; one that cannot be read, or that this engine has not sent, is nothing."""
    try:
        message = await layer.receive(channel)
        body = open_sealed(message)
        if body == CHANGED:
            on_change()
        elif body is not None and (news := read_news(message)) is not None:
            on_events(news.account_ids)
    except ValueError:
        return


async def _leave(layer: Any, channel: str) -> None:
    for group in (EVENTS, GROUP):
        await layer.group_discard(group, channel)
