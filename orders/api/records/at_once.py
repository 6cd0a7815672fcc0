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

    def __init__(self, what: str, of_account: int = MOST_OF_ACCOUNT, of_all: int = MOST) -> None:
        self._what, self._of_account, self._of_all = what, of_account, of_all
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
            if self._running[account_id] >= self._of_account:
                raise Throttled(detail=f"{self._of_account} {self._what} of yours are being made")
            if self._running.total() >= self._of_all:
                raise Throttled(detail=f"{self._of_all} {self._what} are being made here")
            self._running[account_id] += 1
