"""A key that reads, and the check that closed sockets follow nothing."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from orders.models import Account
from orders.streams import feed
from orders.tests.factories import api_key


@pytest.fixture
def key(account: Account) -> str:
    return api_key(account)


@pytest.fixture
async def no_followers_left() -> AsyncIterator[None]:
    yield
    for _ in range(100):
        if not feed.get_feed().is_followed:
            return
        await asyncio.sleep(0.02)
    pytest.fail("a closed socket still follows")
