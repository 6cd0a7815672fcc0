"""When a message is tried again. Pure.

Each wait is a little longer than stated, by chance, so that what failed together does not come back together.
"""

import random
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

# Seconds after each failed attempt; after one more the endpoint is disabled.
RETRIES_S = (5, 30, 120, 600, 3_600, 21_600, 86_400)
JITTER = 0.2
# A receiver may ask for a longer wait than that of the schedule, up to this.
MOST_RETRY_AFTER_S = 86_400
# Answers with which a Retry-After means something.
ASKS_TO_WAIT = frozenset({429, 503})
GONE = 410


def wait_s(failures: int, retry_after_s: int | None = None) -> float | None:
    """Seconds until the next attempt after so many failed ones; None where the endpoint is given up."""
    if failures > len(RETRIES_S):
        return None
    wait = RETRIES_S[failures - 1] * (1 + JITTER * random.random())  # noqa: S311 - it hides nothing
    return max(wait, min(retry_after_s or 0, MOST_RETRY_AFTER_S))


def read_retry_after(text: str, now: datetime) -> int | None:
    """Seconds, as a receiver states them or as a date; None for what is neither."""
    if text.isascii() and text.isdigit():
        return int(text[:9])
    try:
        at = parsedate_to_datetime(text)
    except (TypeError, ValueError, IndexError, OverflowError):
        return None
    return max(0, int(((at if at.tzinfo else at.replace(tzinfo=UTC)) - now).total_seconds()))
