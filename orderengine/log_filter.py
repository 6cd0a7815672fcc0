"""Keeps what strangers cause out of the log. Imports nothing of Django, which loads it with its settings."""

import logging
import time

LOG_EVERY_S = 10.0
SECURITY = "django.security"


class Brief(logging.Filter):
    """Lets through what Django reports as suspicious once per interval, without its traceback."""

    def __init__(self) -> None:
        super().__init__()
        self._next_at = 0.0

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether the record is written."""
        if not record.name.startswith(SECURITY):
            return True
        record.exc_info = record.exc_text = None
        now = time.monotonic()
        is_due = now >= self._next_at
        if is_due:
            self._next_at = now + LOG_EVERY_S
        return is_due
