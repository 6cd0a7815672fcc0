"""How soon a web process has its database back, and which sessions of its pool it does not take.

psycopg's pool tries a server that is away again after 1, 2, 4 ... seconds: one that restarts in 1.5 is missed until the
third. What waits meanwhile is a request, for three seconds at most, so here the first pause is short and grows slower.
"""

import select
from typing import Any

from psycopg_pool.base import AttemptWithBackoff

FIRST_PAUSE_S = 0.1
GROWTH = 1.5


def reconnect_soon() -> None:
    """For all pools of this process."""
    AttemptWithBackoff.INITIAL_DELAY = FIRST_PAUSE_S
    AttemptWithBackoff.DELAY_BACKOFF = GROWTH


def has_ended(session: Any) -> bool:
    """Whether the server has ended an idle session of psycopg: a system call, no round trip.

    An idle session is told nothing but that. What else makes it readable, such as a changed parameter of the server,
    costs no more than a new session.
    """
    if session.closed:
        return True
    poll = select.poll()
    poll.register(session.fileno(), select.POLLIN)
    return bool(poll.poll(0))
