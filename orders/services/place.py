"""Stores orders: all that were accepted and their first events commit together or not at all."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import transaction

from orders.database.rows import ALWAYS, Condition
from orders.models import Account, ApiKey, Order
from orders.notify.wake import begin_waking, wake, wake_trigger_pass
from orders.pipeline.life.links import settle_soon
from orders.problems import Problem
from orders.risk.limits import Demand, admit, count, demand, has_day_limit, lock_room
from orders.selectors import archived_by_client_id
from orders.services.inserting import Inserted, insert_orders, unsaved_order
from orders.services.linking import Link, link_orders
from orders.states import Stage
from orders.terms import NewOrder, Refused


@dataclass(frozen=True, slots=True)
class Placed:
    """An accepted order; `is_replay` when its client_order_id had brought the same terms before.

    `xid` is the transaction that inserts it, by which its fate can be learnt when the answer to COMMIT is lost.
    """

    order: Order
    is_replay: bool
    xid: str = ""


class Outdated(Exception):
    """What the orders were read by holds no longer; nothing was stored."""


def place_orders(
    account: Account,
    items: Sequence[NewOrder | Refused],
    *,
    key: ApiKey | None = None,
    holds: Condition = ALWAYS,
    link: Link | None = None,
) -> list[Placed | Problem]:
    """Insert PENDING orders with event 1 each, in one statement; one answer per item, in order.

    A client_order_id that exists with the same terms gives the existing order, with other terms a problem: what
    was stated is compared, not what defaults make of it today. That of an archived order gives a problem. Where the
    account or the key has limits, an order that does not fit is refused with `limit_exceeded`. With a link the caller
    takes all back where one is refused.

    Raises: Outdated unless `holds` is true as the orders are inserted; then the transaction has stored nothing.
    """
    placed = iter(_place(account, [item for item in items if isinstance(item, NewOrder)], key, holds, link))
    refused = [item for item in items if isinstance(item, Refused)]
    known = _first_of(account, [item.client_order_id for item in refused])
    return [next(placed) if isinstance(item, NewOrder) else _answer_refused(item, known) for item in items]


def _place(
    account: Account, new_orders: Sequence[NewOrder], key: ApiKey | None, holds: Condition, link: Link | None
) -> list[Placed | Problem]:
    orders = [unsaved_order(account, item, key) for item in new_orders]
    if not orders:
        return []
    if link is not None:
        link_orders(orders, link)
    inserted = None if has_day_limit(key) else insert_orders(account, orders, holds, is_counted=False)
    refused: dict[Any, Problem] = {}
    if inserted is None:
        with transaction.atomic(savepoint=False):
            inserted, refused = _insert_within_limits(account, key, orders, new_orders, holds)
    created = inserted.created_at
    for order in orders:
        if order.id in created:
            order.created_at = order.updated_at = created[order.id]
            order.due_at = order.due_at or order.created_at
    if any(order.is_parent for order in orders if order.id in created):
        transaction.on_commit(lambda: wake(Stage.CHILDREN))
    known = _first_of(account, [order.client_order_id for order in orders if order.id not in created])
    return [
        _placed(order, item, inserted, known, refused.get(order.id))
        for order, item in zip(orders, new_orders, strict=True)
    ]


def wake_placed(placed: Iterable[Placed]) -> None:
    """Have stored orders routed, and those that wait for a price compared with the market."""
    begin_waking_placed(placed)()


def begin_waking_placed(placed: Iterable[Placed]) -> Callable[[], None]:
    """The same; that the workers have heard it is learnt by the call, so that an answer is made meanwhile."""
    orders = [one.order for one in placed]
    settle_soon({order.link_id for order in orders if order.link_id is not None})
    hear = begin_waking(Stage.ROUTE)
    if any(order.trigger_kind is not None for order in orders):
        wake_trigger_pass()
    return hear


def _placed(
    order: Order, new: NewOrder, inserted: Inserted, known: dict[str | None, Order | Problem], refusal: Problem | None
) -> Placed | Problem:
    if order.id in inserted.created_at:
        return Placed(order, is_replay=False, xid=inserted.xid)
    first = known.get(order.client_order_id)
    if first is None:
        assert refusal is not None  # nothing else can conflict
        return refusal
    # Orders of earlier versions keep the hash of their terms as they were accepted.
    return _first(first, {bytes(order.request_hash), new.fingerprint()})


def _answer_refused(item: Refused, known: dict[str | None, Order | Problem]) -> Placed | Problem:
    """The refusal, unless the order was accepted before it would have been refused."""
    first = known.get(item.client_order_id) if item.client_order_id else None
    return item.problem if first is None else _first(first, {item.stated})


def _first(first: Order | Problem, hashes: set[bytes]) -> Placed | Problem:
    if isinstance(first, Problem):
        return first
    if bytes(first.request_hash) in hashes:
        return Placed(first, is_replay=True)
    return Problem(
        "client_order_id_reused",
        f"client_order_id {first.client_order_id} was used for other terms at {first.created_at:%Y-%m-%d %H:%M:%S} UTC",
        facts={"order_id": str(first.id)},
    )


def _insert_within_limits(
    account: Account, key: ApiKey | None, orders: Sequence[Order], new_orders: Sequence[NewOrder], holds: Condition
) -> tuple[Inserted, dict[Any, Problem]]:
    """Insert those that fit under limits, and count them; what was inserted, and what was refused, by id."""
    demands: Sequence[Demand] = [demand(item) for item in new_orders]
    room = lock_room(account, key)
    # A lone order's own repeat takes no room of another: whether it is archived can be told afterwards.
    look_up = _existing if len(orders) == 1 else _first_of
    known = look_up(account, [order.client_order_id for order in orders])
    new = [(o, item) for o, item in zip(orders, demands, strict=True) if o.client_order_id not in known]
    verdicts = admit(room, [item for _, item in new])
    refused = {o.id: verdict for (o, _), verdict in zip(new, verdicts, strict=True) if verdict is not None}
    fitting = {o.id: item for o, item in new if o.id not in refused}
    for order in orders:
        if order.id in fitting and room.is_counted:
            order.held_value = fitting[order.id].order.value
        if order.id in fitting and room.fees.is_counted:
            order.counted_fee, order.counted_day = fitting[order.id].fees.value, room.fees.day
            order.counted_key = key.prefix if key is not None and room.fees.key_left is not None else None
    inserted = insert_orders(account, [o for o in orders if o.id in fitting], holds, is_counted=room.is_counted)
    if inserted is None:  # whether the account is counted cannot have changed, for its row is locked
        raise Outdated
    count(account, key, room, [fitting[order_id] for order_id in inserted.created_at])
    return inserted, refused


def _existing(account: Account, client_order_ids: Iterable[str | None]) -> dict[str | None, Order]:
    wanted = [client_order_id for client_order_id in client_order_ids if client_order_id]
    if not wanted:
        return {}
    found = Order.objects.filter(account=account, client_order_id__any_of=wanted)
    return {order.client_order_id: order for order in found}


def _first_of(account: Account, client_order_ids: Iterable[str | None]) -> dict[str | None, Order | Problem]:
    """What these ids stand for already: an order, or what is said of one that is archived."""
    wanted = [client_order_id for client_order_id in client_order_ids if client_order_id]
    known: dict[str | None, Order | Problem] = {**_existing(account, wanted)}
    return known | archived_by_client_id(account, [name for name in wanted if name not in known])
