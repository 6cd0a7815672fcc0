"""Orders of several requests of one caller, stored by one statement and one transaction. Each answer stays its own.

A transaction that fails has stored nothing: then each order is stored by itself, so that only the one at fault is
refused. Where the answer to COMMIT is lost, what became of the transaction is looked up once.
"""

import time
from collections.abc import Sequence
from typing import NamedTuple

from django.db import transaction
from psycopg.errors import LockNotAvailable, UniqueViolation

from orders.database.errors import drop_connection, is_unavailable
from orders.database.rows import ALWAYS, Condition
from orders.database.write_watch import was_refused, watch_writes
from orders.faults import fault_problem
from orders.models import Account, ApiKey
from orders.problems import Problem, ProblemError
from orders.services.idempotency import IN_PROGRESS, fate_problem, is_stored
from orders.services.place import Outdated, Placed, place_orders
from orders.terms import NewOrder

# For orders that are stored one by one, since they failed together or repeat each other.
ALONE_S = 6.0
# What a request is answered, or the error that it is answered with.
Outcome = Placed | Problem | Exception


class Asker(NamedTuple):
    """Whose orders they are, as it was read, and the condition under which that still holds."""

    account: Account
    key: ApiKey | None
    holds: Condition = ALWAYS


def place_joined(asker: Asker, orders: Sequence[NewOrder]) -> list[Outcome]:
    """As `place_orders` with each order in a transaction of its own; one outcome per order, in their order.

    Never raises. The caller wakes the workers afterwards.
    """
    first, repeats = _without_repeats(orders)
    outcomes = dict(zip(first, _place(asker, [orders[i] for i in first]), strict=True))
    # Each has the answer of the order that has its client_order_id by then.
    outcomes |= zip(repeats, _alone(asker, [orders[i] for i in repeats], ProblemError(IN_PROGRESS)), strict=True)
    return [outcomes[i] for i in range(len(orders))]


def _without_repeats(orders: Sequence[NewOrder]) -> tuple[list[int], list[int]]:
    """The orders that are the first of their client_order_id, or have none; and the others."""
    seen: set[str] = set()
    first: list[int] = []
    repeats: list[int] = []
    for i, order in enumerate(orders):
        (repeats if order.client_order_id in seen else first).append(i)
        if order.client_order_id is not None:
            seen.add(order.client_order_id)
    return first, repeats


def _place(asker: Asker, orders: Sequence[NewOrder]) -> list[Outcome]:
    results: list[Placed | Problem] | None = None
    with watch_writes():
        try:
            with transaction.atomic():
                results = place_orders(asker.account, orders, key=asker.key, holds=asker.holds)
            return list(results)
        except Exception as error:
            if results is not None and not was_refused(error):
                return _after_lost_commit(results, error)
            told = _told(error)
            if len(orders) == 1 or not _may_be_of_one(error):
                return [told] * len(orders)
    return _alone(asker, orders, told)


def _alone(asker: Asker, orders: Sequence[NewOrder], too_late: Exception) -> list[Outcome]:
    """Each in a transaction of its own, as long as there is time."""
    ends_at = time.monotonic() + ALONE_S
    return [_place(asker, [order])[0] if time.monotonic() < ends_at else too_late for order in orders]


def _may_be_of_one(error: Exception) -> bool:
    """Whether one order may be at fault: not where the database is away, but for a lock that a rival of one holds."""
    if isinstance(error, Outdated):
        return False
    return _is_of_a_rival(error) or not is_unavailable(error)


def _is_of_a_rival(error: Exception) -> bool:
    """A lock that another session holds, or a client_order_id whose order is being archived."""
    return isinstance(error.__cause__, (LockNotAvailable, UniqueViolation))


def _told(error: Exception) -> Exception:
    """The error with what is known of it now; the session with a server that is away is given up."""
    if _is_of_a_rival(error):
        return _caused(IN_PROGRESS, error)
    if is_unavailable(error):
        drop_connection()
    problem = fault_problem(error)
    return error if problem is None else _caused(problem, error)


def _after_lost_commit(results: Sequence[Placed | Problem], error: Exception) -> list[Outcome]:
    """Those that refuse, or tell of orders from before, are true in any case."""
    created = [result for result in results if isinstance(result, Placed) and not result.is_replay]
    fate = is_stored(created[0]) if created else True
    outcomes: list[Outcome] = []
    for result in results:
        is_created = isinstance(result, Placed) and not result.is_replay
        problem = fate_problem([result], None, fate) if is_created else None  # type: ignore[list-item]
        outcomes.append(result if problem is None else _caused(problem, error))
    return outcomes


def _caused(problem: Problem, error: Exception) -> ProblemError:
    told = ProblemError(problem)
    told.__cause__ = error
    return told
