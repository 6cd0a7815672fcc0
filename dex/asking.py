"""What transactions offer, asked for while something else is waited for."""

import math
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from contextvars import copy_context

from dex.costs import FeeStrategy
from dex.types import Fees

# A thread costs more than a wait that is shorter.
AT_ONCE_S = 0.002

Offers = Mapping[FeeStrategy, Fees]


class OffersAhead:
    """Asks by a thread of its own where the newest answer was a wait; the first one may take long."""

    def __init__(self) -> None:
        self._took_s = math.inf

    def ask(self, prepare: Callable[[], Offers]) -> Future[Offers]:
        """Begin to ask, under the caller's limit of time; `result()` waits for the answer, and raises its error."""
        answer: Future[Offers] = Future()

        def ask() -> None:
            began_s = time.monotonic()
            try:
                offers = prepare()
            except BaseException as error:
                self._took_s = time.monotonic() - began_s
                answer.set_exception(error)
            else:
                self._took_s = time.monotonic() - began_s
                answer.set_result(offers)

        if self._took_s < AT_ONCE_S:
            ask()
        else:
            threading.Thread(target=copy_context().run, args=(ask,), name="prepare", daemon=True).start()
        return answer
