"""Limits attempts to log in to the admin: a window in Redis, per user name and per address.

While Redis is away every attempt is let through: an operator who has to stop trading must get in then too, and
guessing stays as slow as the password hash. The breaker logs that.
"""

import hashlib
import logging
import math
import time
from typing import Any

from django.contrib import admin
from django.contrib.admin.forms import AdminAuthenticationForm
from django.core.exceptions import ValidationError

from orders.notify.breaker import hints, redis_client

logger = logging.getLogger(__name__)

WINDOW_S = 900
PER_NAME = 10
# An office or a proxy is one address.
PER_ADDRESS = 30


class LoginForm(AdminAuthenticationForm):
    """Counts a try before the password is looked at, so that tries side by side are counted each."""

    def clean(self) -> dict[str, Any]:
        """Let the try through unless there were too many. Raises: ValidationError."""
        name = self.cleaned_data.get("username")
        address = self.request.META.get("REMOTE_ADDR", "") if self.request else ""
        if name is None or "password" not in self.cleaned_data:
            return super().clean()
        tries = Tries(name, address)
        if tries.are_too_many():
            logger.warning("too many tries to log in to the admin, this one from %s", address)
            minutes = math.ceil(tries.ends_in_s / 60)
            raise ValidationError(
                f"Too many tries. Wait {minutes} minute{'s'[: minutes - 1]}, then try again.", code="too_many_tries"
            )
        cleaned = super().clean()
        tries.forgive()
        return cleaned


class Tries:
    """The tries of one user name and of one address in this window; names are kept as digests."""

    def __init__(self, name: str, address: str) -> None:
        window, into_s = divmod(time.time(), WINDOW_S)
        self.ends_in_s = WINDOW_S - into_s
        digest = hashlib.sha256(name.strip().casefold().encode()).hexdigest()[:32]
        self._by_name = f"login:name:{digest}:{int(window)}"
        self._by_address = f"login:address:{address}:{int(window)}"
        self._of_name = self._of_address = 0

    def are_too_many(self) -> bool:
        """Count this one; whether it is one too many. False while Redis is away."""
        if not hints.attempt(self._count):
            return False
        return self._of_name > PER_NAME or self._of_address > PER_ADDRESS

    def forgive(self) -> None:
        """The password was right: forget what was typed wrong before, and do not hold this try against the address."""
        hints.attempt(self._forget)

    def _forget(self) -> None:
        pipeline = redis_client().pipeline()
        pipeline.delete(self._by_name)
        pipeline.decr(self._by_address)
        pipeline.execute()

    def _count(self) -> None:
        pipeline = redis_client().pipeline()
        for key in (self._by_name, self._by_address):
            pipeline.incr(key)
            pipeline.expire(key, 2 * WINDOW_S)
        self._of_name, _, self._of_address, _ = pipeline.execute()


admin.site.login_form = LoginForm
