"""The broker itself, for tests of what is sent to it."""

from collections.abc import Iterator
from typing import Any

import pytest
import redis
from django.conf import settings


@pytest.fixture
def broker() -> Iterator[Any]:
    client = redis.Redis.from_url(settings.REDIS_BROKER_URL)
    client.flushdb()
    yield client
    client.flushdb()
