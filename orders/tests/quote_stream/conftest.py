"""A key that may ask for quotes, a client of the stream, and the check that closed sockets are quoted for no longer."""

import asyncio
import inspect
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from channels.db import database_sync_to_async

from orders.engine import get_engine
from orders.models import Account
from orders.quote_stream import feed
from orders.tests.factories import api_key
from orders.tests.streams.conftest import limited
from orders.tests.ws_client import Stream

SWAP = "token_in=SOL&token_out=USDC&amount=250"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """As tests of the other streams, these fail where a message never comes."""
    here = Path(__file__).parent
    ours = [item for item in items if isinstance(item, pytest.Function) and item.path.is_relative_to(here)]
    for item in ours:
        if inspect.iscoroutinefunction(item.obj):
            item.obj = limited(item.obj)


class Quotes(Stream):
    """A client of the quote stream, which acknowledges what it is asked to take."""

    path = "/ws/v1/quotes"

    async def take(self, kind: str = "quote") -> Any:
        """The next message of a kind, acknowledged; heartbeats do not count."""
        while (message := await self.next())["type"] in {"heartbeat", "hello"}:
            pass
        assert message["type"] == kind, message
        await self.send(op="ack")
        return message

    async def is_silent(self, seconds: float = 0.6) -> bool:
        return bool(await self.ws.receive_nothing(timeout=seconds))


@pytest.fixture
def key(account: Account) -> str:
    return api_key(account)


@pytest.fixture(autouse=True)
def fresh_engine() -> None:
    get_engine.cache_clear()


@pytest.fixture(autouse=True)
async def none_left() -> AsyncIterator[None]:
    yield
    for _ in range(100):
        if not feed.get_quote_feed().is_followed:
            return
        await asyncio.sleep(0.02)
    pytest.fail("a closed socket is still quoted for")


async def ask(account: Account, method: str, path: str, body: Any = None) -> Any:
    """The JSON that the API answers to the account."""
    from orders.tests.http_client import Api

    answer = await database_sync_to_async(lambda: Api(account).ask(method, path, body))()
    return json.loads(answer.content)
