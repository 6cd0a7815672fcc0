"""A key that reads, the check that closed sockets follow nothing, and a limit on how long a test may wait."""

import asyncio
import functools
import inspect
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from orders.models import Account
from orders.streams import feed
from orders.tests.factories import api_key

# Far longer than any of these tests takes beside others.
LIMIT_S = 180


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A message that never comes fails its test; it would hold up all that follow, and say nothing."""
    here = Path(__file__).parent
    ours = [item for item in items if isinstance(item, pytest.Function) and item.path.is_relative_to(here)]
    for item in ours:
        if inspect.iscoroutinefunction(item.obj):
            item.obj = limited(item.obj)


def limited(test: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
    """The same test, which fails with TimeoutError after the limit."""

    @functools.wraps(test)
    async def run(*args: Any, **kwargs: Any) -> None:
        async with asyncio.timeout(LIMIT_S):
            await test(*args, **kwargs)

    return run


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
