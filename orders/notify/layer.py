"""The channel layer, whose subscription waits for the next message, however long that takes.

That of `channels_redis` asks ten times a second whether there is one, in each process that listens: most of what such a
process does while nothing happens.
"""

import asyncio
import logging
from collections.abc import Callable
from typing import Any

from channels_redis.pubsub import RedisPubSubChannelLayer, RedisSingleShardConnection

from orders.notify.redis_errors import redis_reason

logger = logging.getLogger(__name__)

# Until there is a subscription, and after an error.
NOT_YET_S, ERROR_S = 0.1, 1.0


class Layer(RedisPubSubChannelLayer):  # type: ignore[misc]
    """As its base, but for how it waits."""

    def _get_layer(self) -> Any:
        layer = super()._get_layer()
        # Those of a layer that was just made hold nothing yet.
        layer._shards = [one if isinstance(one, Shard) else Shard(one.host, layer) for one in layer._shards]
        return layer

    async def hand_over(self, group: str, take: Callable[[bytes], None]) -> str:
        """Have each message of a group taken as it comes, packed, by the task that reads it; the channel it comes on.

        `take` must neither wait nor raise. A receiver would be a task that is woken for each message.
        """
        channel: str = await self.new_channel()
        self._get_layer().channels[channel] = Taken(take)
        await self.group_add(group, channel)
        return channel


class Taken:
    """In place of a channel's queue."""

    def __init__(self, take: Callable[[bytes], None]) -> None:
        self.put_nowait = take


class Shard(RedisSingleShardConnection):  # type: ignore[misc]
    """The subscription to one server. While that is away it is tried each second, and what was sent is lost."""

    async def _do_receiving(self) -> None:
        said = ""
        while True:
            try:
                if self._pubsub and self._pubsub.subscribed:
                    self._receive_message(await self._pubsub.get_message(ignore_subscribe_messages=True, timeout=None))
                    said = ""
                else:
                    await asyncio.sleep(NOT_YET_S)
            except Exception as error:
                if (reason := redis_reason(error)) != said:
                    said = reason
                    logger.warning("the subscription to Redis is lost (%s): it is tried again each second", reason)
                await asyncio.sleep(ERROR_S)
