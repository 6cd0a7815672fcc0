"""Cancels orders that hold no nonce yet; later only the chain can end them, which `confirm` then asks it to do.

Either way nothing but a cancellation transaction is signed for them after the cancel is stored. A parent is cancelled
with its live children, and ends with the last of them; none is made after that.
"""

from collections.abc import Collection, Sequence
from enum import StrEnum
from uuid import UUID

from django.db import transaction

from orders.audit.record import Actor as Actor
from orders.audit.record import Entry, record
from orders.event_log.event import Event
from orders.models import Account, Order
from orders.notify.push import push_events
from orders.notify.wake import wake
from orders.pipeline.life.cancelling import ended as ended_early
from orders.pipeline.life.cancelling import requested, store_request
from orders.pipeline.life.links import settle_soon
from orders.pipeline.parents.changes import CHILDREN, Claimed, ended, progressed
from orders.pipeline.parents.family import Family, read_families
from orders.pipeline.parents.rows import lock_orders
from orders.pipeline.transition import Change, transition
from orders.problems import Problem
from orders.states import OrderStatus, Stage, is_terminal


class CancelResult(StrEnum):
    """What became of a request to cancel."""

    CANCELLED = "cancelled"
    TOO_LATE = "too_late"
    ALREADY_ENDED = "already_ended"


def cancel_orders(
    order_ids: Sequence[UUID], *, actor: Actor, account: Account | None = None
) -> dict[UUID, CancelResult]:
    """Cancel what can be cancelled; unknown and foreign ids are missing from the answer.

    Where bytes may have left, a cancellation transaction is asked for at the same nonce: the order ends as the chain
    decides between the two. The row lock decides against a build that runs at the same time: the first to commit wins.
    The request is an event with a seq of its own, so that nothing decided on an older state is settled after it.
    """
    with transaction.atomic():
        orders = _locked(order_ids, account)
        parents = [order for order in orders if order.is_parent and not is_terminal(order.status)]
        families = read_families(order.id for order in parents) if parents else {}
        # Of these nothing is left to cancel: they end as what they are, though no worker has said so yet.
        filled = {order.id for order in parents if families[order.id].filled == order.amount}
        results = {order.id: _result(order) for order in orders} | dict.fromkeys(filled, CancelResult.ALREADY_ENDED)
        new = [o for o in orders if o.cancel_requested_at is None and not is_terminal(o.status)]
        store_request([order.id for order in new if order.id not in filled])
        late = [order for order in orders if results[order.id] is CancelResult.TOO_LATE and not order.is_parent]
        changes = [_cancelled(o, actor) for o in orders if results[o.id] is CancelResult.CANCELLED]
        events: list[Event] = transition([*changes, *(requested(order) for order in late if order in new)])
        if changes:  # children among them
            families = read_families(order.id for order in parents) if parents else {}
        events += transition([_parent_change(o, families[o.id], actor) for o in parents if o in new])
        moved = {event.order_id: event.status for event in events}
        over = {order.id for order in parents if is_terminal(moved.get(order.id, order.status))}
        results |= dict.fromkeys(over - filled, CancelResult.CANCELLED)
        record(actor, [_entry(order, moved.get(order.id, order.status)) for order in orders])
        # Also where the caller's own transaction is around this one: nothing is sent of what may be rolled back.
        transaction.on_commit(lambda: _tell(events, late, {order.link_id for order in orders if order.link_id}))
    asked = set(order_ids)
    return {order_id: result for order_id, result in results.items() if order_id in asked}


def _tell(events: Sequence[Event], late: Sequence[Order], links: Collection[UUID]) -> None:
    push_events(events)
    settle_soon(links)
    for stage in {Stage.SUBMIT if order.status == OrderStatus.BUILDING else Stage.CONFIRM for order in late}:
        wake(stage)


def _locked(order_ids: Sequence[UUID], account: Account | None) -> list[Order]:
    """These orders, live children of parents among them, all locked with the parents of children, by id."""
    known = Order.objects.filter(pk__any_of=order_ids)
    if account is not None:
        known = known.filter(account=account)
    family = list(known.values_list("id", "parent_id", "is_parent"))
    named = {order_id for order_id, _, _ in family}
    if not any(parent_id or is_parent for _, parent_id, is_parent in family):
        return list(Order.objects.select_for_update().filter(pk__any_of=list(named)).order_by("pk"))
    parents = [order_id for order_id, _, is_parent in family if is_parent]
    above = {parent_id for _, parent_id, _ in family if parent_id}
    lock_orders({*named, *above, *_live_children(parents)})
    # Behind the locks of the parents: no worker makes another child.
    wanted = named | _live_children(parents)
    return list(Order.objects.select_for_update().filter(pk__any_of=list(wanted)).order_by("pk"))


def _live_children(parents: Sequence[UUID]) -> set[UUID]:
    if not parents:
        return set()
    rows = Order.objects.filter(parent__in=parents, outcome__isnull=True)
    return set(rows.values_list("id", flat=True))


def _result(order: Order) -> CancelResult:
    if is_terminal(order.status):
        return CancelResult.ALREADY_ENDED
    return CancelResult.TOO_LATE if order.tx_hash or order.is_parent else CancelResult.CANCELLED


def _parent_change(order: Order, family: Family, actor: Actor) -> Change:
    """The end of a parent without live children, or the event of its cancel, as its children stand now."""
    claimed = Claimed(order.id, order.updated_at, order.seq)
    if not family.live:
        return ended(claimed, family, Problem("cancelled", _words(actor, "while no child of it was open")))
    return progressed(
        claimed,
        family,
        {"cancel_requested": True},
        slices_done=family.slices_done,
        waiting_for=CHILDREN,
        delay_s=0.0,
    )


def _cancelled(order: Order, actor: Actor) -> Change:
    return ended_early(order, Problem("cancelled", _words(actor, "before anything was sent")))


def _words(actor: Actor, when: str) -> str:
    who = actor.name if actor.is_admin else "its owner"
    return f"cancelled by {who} {when}" + (f": {actor.reason}" if actor.reason else "")


def _entry(order: Order, after: str) -> Entry:
    return Entry("order.cancel", f"order:{order.id}", order.status, after, order.account_id)
