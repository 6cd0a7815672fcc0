"""The order's life as a table: six statuses, the legal edges between them, and the stages that cause them.

Pure; the database trigger in models/triggers.py enforces the same table against every writer.
"""

from enum import StrEnum


class OrderStatus(StrEnum):
    """Where an order is. The set never grows: what differs is said by `outcome`."""

    PENDING = "PENDING"
    ROUTING = "ROUTING"
    BUILDING = "BUILDING"
    SUBMITTED = "SUBMITTED"
    CONFIRMED = "CONFIRMED"
    FAILED = "FAILED"


class Stage(StrEnum):
    """The batch loops, in the order in which they take an order on; `CHILDREN` is for parents alone."""

    CHILDREN = "children"
    ROUTE = "route"
    BUILD = "build"
    SUBMIT = "submit"
    CONFIRM = "confirm"


S = OrderStatus

TERMINAL: frozenset[OrderStatus] = frozenset({S.CONFIRMED, S.FAILED})
LIVE: tuple[OrderStatus, ...] = tuple(status for status in OrderStatus if status not in TERMINAL)

# An edge from a status to itself has an event of its own: a retry (attempt + 1), a wait for the chain, a replacement,
# a cancel that was stored, terms that their owner has replaced, a trigger that fired, or a parent's progress.
TRANSITIONS: dict[OrderStatus, frozenset[OrderStatus]] = {
    # Only a parent is CONFIRMED from here, by what its children have filled.
    S.PENDING: frozenset({S.PENDING, S.ROUTING, S.CONFIRMED, S.FAILED}),
    # Back to PENDING: the order's own limit is not reached, so it waits for a better price.
    S.ROUTING: frozenset({S.ROUTING, S.PENDING, S.BUILDING, S.FAILED}),
    # Back to ROUTING before anything was signed: the quote aged, a simulation missed the limits, trading was paused, a
    # wait is over, or an internal error.
    S.BUILDING: frozenset({S.BUILDING, S.ROUTING, S.SUBMITTED, S.FAILED}),
    # Back to ROUTING: the chain undid the swap for price (final receipt), and attempts are left.
    S.SUBMITTED: frozenset({S.SUBMITTED, S.ROUTING, S.CONFIRMED, S.FAILED}),
    S.CONFIRMED: frozenset(),
    S.FAILED: frozenset(),
}

# Two edges that one write may take, with an event for each and both counted in `seq`: what is final as soon as it is
# sent is SUBMITTED and CONFIRMED at once.
AT_ONCE: tuple[OrderStatus, OrderStatus, OrderStatus] = (S.BUILDING, S.SUBMITTED, S.CONFIRMED)


class IllegalTransition(ValueError):
    """A service asked for an edge that is not in the table: a bug, never a race."""


def check_edge(source: str, target: OrderStatus, passed: OrderStatus | None = None) -> None:
    """Refuse an edge that is not in the table, or two edges that are none of one write. Raises: IllegalTransition."""
    is_legal = target in TRANSITIONS[OrderStatus(source)] if passed is None else (source, passed, target) == AT_ONCE
    if not is_legal:
        raise IllegalTransition(f"{source} -> {f'{passed} -> ' if passed else ''}{target} is no legal transition")


def is_terminal(status: str) -> bool:
    """Whether nothing can happen to the order any more."""
    return status in TERMINAL
