"""What is logged, without what strangers cause. Imports nothing of Django, which loads it with its settings."""

import logging
import time
from typing import Any

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


def logging_config(level: str) -> dict[str, Any]:
    """Lines on stderr; `level` is that of the engine's own loggers."""
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(name)s %(message)s"}},
        # What a stranger's request causes is a line, not a traceback.
        "filters": {"brief": {"()": "orderengine.log_filter.Brief"}},
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line", "filters": ["brief"]}},
        "root": {"handlers": ["stderr"], "level": "WARNING"},
        "loggers": {
            "orders": {"level": level},
            "dex": {"level": level},
            # Django's own handler would print every line a second time, and a refused request is the caller's news.
            "django": {"handlers": []},
            "django.request": {"level": "ERROR"},
        },
    }
