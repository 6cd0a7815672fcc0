"""How soon a web process has its database back.

psycopg's pool tries a server that is away again after 1, 2, 4 ... seconds: one that restarts in 1.5 is missed until the
third. What waits meanwhile is a request, for three seconds at most, so here the first pause is short and grows slower.
"""

from psycopg_pool.base import AttemptWithBackoff

FIRST_PAUSE_S = 0.1
GROWTH = 1.5


def reconnect_soon() -> None:
    """For all pools of this process."""
    AttemptWithBackoff.INITIAL_DELAY = FIRST_PAUSE_S
    AttemptWithBackoff.DELAY_BACKOFF = GROWTH
