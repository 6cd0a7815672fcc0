"""Celery's beat, but that what it cannot send or store is said once: all of it is sent again in seconds or minutes."""

import logging
from typing import Any

from celery.beat import PersistentScheduler, SchedulingError
from kombu.exceptions import OperationalError
from redis import RedisError

from orders.notify.redis_errors import redis_reason

logger = logging.getLogger(__name__)


class Scheduler(PersistentScheduler):
    """Goes on while the broker refuses, and while its file cannot be written."""

    _said = ""

    def apply_entry(self, entry: Any, producer: Any = None) -> None:
        """Send one task."""
        try:
            self.apply_async(entry, producer=producer, advance=False)
        except (SchedulingError, OperationalError, RedisError) as error:
            self._say(f"the broker is away ({redis_reason(error)})")
        else:
            self._said = ""

    def sync(self) -> None:
        """Write what was sent when."""
        try:
            super().sync()
        except OSError as error:
            self._say(f"the schedule cannot be written ({error.strerror or error})")

    def _say(self, reason: str) -> None:
        if reason != self._said:
            self._said = reason
            logger.warning("%s: beat goes on", reason)
