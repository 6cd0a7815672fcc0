"""Changes that a stage has decided on and leaves to the next one, which writes them together with its own.

Each commit that is saved is a wait for the disk that no order has. Until then the rows stand where they were, and so
does `ClaimedOrder.status`: when the worker dies, the stage of that status does its work again. A stage that cannot
go on with an order writes its planned change first, so that its history is the same as without this.
"""

from collections.abc import Callable, Sequence

from orders.event_log.event import Event
from orders.pipeline.claim import ClaimedOrder
from orders.pipeline.transition import Beside, Change, begin_transition
from orders.snapshots.recorder import KEEP, kept_beside


def write_planned(orders: Sequence[ClaimedOrder]) -> tuple[list[ClaimedOrder], list[Event]]:
    """Write what is planned for these orders, alone; the orders that are still this claim's, and the events."""
    events = begin_planned(orders)()
    written = {event.order_id: event for event in events}
    left = []
    for order in orders:
        if order.planned is None:
            left.append(order)
        elif order.id in written:
            left.append(arrived(order, written[order.id]))
    return left, events


def begin_planned(orders: Sequence[ClaimedOrder]) -> Callable[[], list[Event]]:
    """Write what is planned for these orders with the transaction's next statement; the events when called for."""
    planned = [order for order in orders if order.planned is not None]
    kept = [order.kept for order in planned if order.kept is not None]
    beside = Beside(KEEP, kept_beside(kept)) if kept else None
    return begin_transition([order.planned for order in planned if order.planned is not None], beside)


def behind_planned(change: Change, order: ClaimedOrder) -> Change:
    """A change of an order that follows the planned one in the same transaction. Who has lost that one loses both."""
    assert order.planned is not None
    return change._replace(source=order.planned.target, since=None, seq=order.seq + 1)


def with_planned(change: Change, order: ClaimedOrder) -> Change:
    """A change of an order that makes the planned one, which sets no columns, in one statement: one row version."""
    assert order.planned is not None
    assert not order.planned.fields
    return change._replace(passes=order.planned)


def arrived(order: ClaimedOrder, event: Event) -> ClaimedOrder:
    """The order once its planned change is written, with its event."""
    return order._replace(status=event.status, since=event.at, seq=event.seq, planned=None, kept=None)
