"""The channel layer waits for messages, looks for none meanwhile, and makes a lost connection again."""

import asyncio
import logging
from typing import Any
from uuid import uuid4

import pytest
from asgiref.sync import async_to_sync
from channels.layers import get_channel_layer
from redis import Redis
from redis.asyncio.client import PubSub

from orders.config import channels_redis_url
from orders.notify import layer as layers

# Ten times as long as channels_redis waits between two looks.
IDLE_S = 1.0


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[float | None]:
    """For how long each look for a message may wait; None: for good."""
    seen: list[float | None] = []
    real = PubSub.get_message

    async def counted(self: Any, **options: Any) -> Any:
        seen.append(options["timeout"])
        return await real(self, **options)

    monkeypatch.setattr(PubSub, "get_message", counted)
    return seen


async def _subscribed(group: str) -> tuple[Any, str]:
    layer: Any = get_channel_layer()
    channel = await layer.new_channel()
    await layer.group_add(group, channel)
    return layer, channel


def test_it_waits_for_a_message_and_looks_for_none_meanwhile(asked: list[float | None]) -> None:
    async def follow() -> None:
        group = f"group{uuid4().hex}"
        layer, channel = await _subscribed(group)
        for n in range(2):
            await asyncio.sleep(IDLE_S)
            await layer.group_send(group, {"type": "t", "n": n})
            assert await layer.receive(channel) == {"type": "t", "n": n}
        await layer.flush()

    async_to_sync(follow)()

    # The answers to two subscriptions, and the messages; behind each the next is waited for.
    assert set(asked) == {None}
    assert len(asked) <= 6


def test_a_lost_connection_is_made_again_and_said_once(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(layers, "ERROR_S", 0.05)
    fails = iter([ConnectionError(), ConnectionError(), ConnectionError()])
    real = PubSub.get_message

    async def failing(self: Any, *args: Any, **options: Any) -> Any:
        if (error := next(fails, None)) is not None:
            raise error
        return await real(self, *args, **options)

    monkeypatch.setattr(PubSub, "get_message", failing)

    async def follow() -> Any:
        group = f"group{uuid4().hex}"
        layer, channel = await _subscribed(group)
        with Redis.from_url(channels_redis_url()) as redis:
            redis.execute_command("CLIENT", "KILL", "TYPE", "pubsub")
        receiving = asyncio.ensure_future(layer.receive(channel))
        while not receiving.done():  # what is sent until it has subscribed again is lost
            await layer.group_send(group, {"type": "t"})
            await asyncio.wait([receiving], timeout=0.05)
        await layer.flush()
        return receiving.result()

    with caplog.at_level(logging.WARNING, logger="orders.notify.layer"):
        assert async_to_sync(follow)() == {"type": "t"}
    said = [record.message for record in caplog.records if "ConnectionError" in record.message]
    assert set(said) == {"the subscription to Redis is lost (ConnectionError): it is tried again each second"}
    # Four errors: three in a row, and, where messages came in between, the lost connection.
    assert len(said) <= 2
