"""How many requests a key or a person may send per minute: a window in Redis, best effort. Hard limits are in SQL."""

import math
import time
from typing import Any

from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from orders.config import rate_per_minute
from orders.models import ApiKey
from orders.notify.breaker import hints, redis_client

WINDOW_S = 60
POLICY = "key"


class KeyThrottle(BaseThrottle):
    """Counts requests per key, or per user who is signed in, in windows of a minute.

    While Redis is away all requests pass, and a line is logged.
    """

    def __init__(self) -> None:
        self.most: int | None = None
        self._name = ""
        self.used = 0
        self.ends_in_s = 0

    def allow_request(self, request: Request, view: Any) -> bool:
        """Whether the key or the person has requests left in this window."""
        person = getattr(request.user, "person", None)
        if person is not None:
            # No prefix of a key has a colon.
            return self._allows(f"user:{person.user_id}", rate_per_minute())
        return self.allows(getattr(request.user, "key", None))

    def allows(self, key: ApiKey | None) -> bool:
        """Count a request of the key, once however often this is asked; whether it was within the rate."""
        if key is None:
            return True
        return self._allows(key.prefix, rate_per_minute() if key.rate_per_minute is None else key.rate_per_minute)

    def _allows(self, name: str, most: int) -> bool:
        if not most or not (self.used or hints.attempt(lambda: self._count(name))):
            return True
        self.most, self._name = most, name
        return self.used <= most

    def allows_more(self, more: int) -> bool:
        """Count a request that was let in as so many more; whether they were within the rate as well."""
        if self.most is None or not more or not hints.attempt(lambda: self._count(self._name, more)):
            return True
        return self.used <= self.most

    def wait(self) -> float:
        """Seconds until the window ends."""
        return float(self.ends_in_s)

    def headers(self) -> dict[str, str]:
        """`RateLimit` and `RateLimit-Policy` of the answer, none where nothing was counted."""
        if self.most is None:
            return {}
        left = max(0, self.most - self.used)
        return {
            "RateLimit-Policy": f'"{POLICY}";q={self.most};w={WINDOW_S}',
            "RateLimit": f'"{POLICY}";r={left};t={self.ends_in_s}',
        }

    def _count(self, prefix: str, times: int = 1) -> None:
        """One command, atomic in itself: each minute has a counter of its own, which the first request dates."""
        window, into_s = divmod(time.time(), WINDOW_S)
        self.ends_in_s = math.ceil(WINDOW_S - into_s)
        name = f"rate:{prefix}:{int(window)}"
        self.used = int(redis_client().incr(name, times))
        if self.used == times:
            redis_client().expire(name, 2 * WINDOW_S)
