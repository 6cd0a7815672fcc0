"""Requests that hold a session with the database for long: some at a time, so that enough are left for orders."""

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from rest_framework.exceptions import Throttled

from orders.models import Account

# Of one account, and of all in a web process, whose pool has ten sessions.
MOST_OF_ACCOUNT, MOST = 2, 4


class AtOnce:
    """Lets so many in, and sends others away at once: who waited here would hold a thread."""

    def __init__(self, what: str) -> None:
        self._what = what
        self._lock = threading.Lock()
        self._running: Counter[int] = Counter()

    @contextmanager
    def one(self, account: Account) -> Iterator[None]:
        """Do one for the account. Raises: Throttled where it, or all together, have enough of them."""
        self._begin(account.pk)
        try:
            yield
        finally:
            with self._lock:
                self._running[account.pk] -= 1
                self._running += Counter()  # forgets accounts that have none

    def _begin(self, account_id: int) -> None:
        with self._lock:
            if self._running[account_id] >= MOST_OF_ACCOUNT:
                raise Throttled(detail=f"{MOST_OF_ACCOUNT} {self._what} of yours are being made")
            if self._running.total() >= MOST:
                raise Throttled(detail=f"{MOST} {self._what} are being made here")
            self._running[account_id] += 1
