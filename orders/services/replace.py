"""Replaces terms of an order that waits: a compare-and-set on its version, against all else that moves it."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, NamedTuple
from uuid import UUID

from django.db import transaction

from orders import selectors
from orders.audit.record import Actor, Entry, record
from orders.event_log.event import Event
from orders.models import Account, ApiKey, Order
from orders.models.waiting import trigger_columns
from orders.notify.push import push_events
from orders.notify.wake import wake, wake_trigger_pass
from orders.order_types import FIELDS, ORDER_TYPES
from orders.pipeline.life.arming import SIBLING, Armed, arm, has_fired
from orders.pipeline.life.links import settle_soon
from orders.pipeline.transition import Change, transition
from orders.presentation.orders import order_json
from orders.problems import Problem, ProblemError
from orders.risk.limits import demand, recount
from orders.states import OrderStatus, Stage, is_terminal
from orders.terms import NewOrder, SwapTerms

# Fields of order types that may change while an order waits; these not after its trigger was reached.
TRIGGER_FIELDS = ("trigger_price", "trail_bps", "min_liquidity", "max_age_s", "liquidity_token")
TYPE_FIELDS = tuple(name for name in ("limit_price", *TRIGGER_FIELDS) if name in FIELDS)
_SHOWN = ("amount", "expires_at", "time_in_force", "guards")
# Terms that stay as they were stored, even where the key would fill in others today.
_KEPT = (
    *("allow", "deny", "deny_tokens", "max_legs", "max_hops", "max_swaps", "fee_strategy", "max_network_fee"),
    *("tags", "scenario"),
)


class Restated(NamedTuple):
    """An order as a request would place it now: with the terms that it has, and with those that it shall have."""

    before: NewOrder
    after: NewOrder


def replace_terms(
    account: Account,
    order_id: UUID,
    version: int,
    restate: Callable[[Order], Restated],
    *,
    key: ApiKey | None,
    actor: Actor,
) -> Order:
    """The order with its new terms. Where they are what it has, nothing is written.

    The row lock decides against cancels, expiry and stages, and the version against what happened since it was read.
    Raises: ProblemError, and what `restate` raises, which is called behind the lock.
    """
    with transaction.atomic():
        order = selectors.find_order(account, order_id, lock=True)
        _require_waiting(order, version)
        stated = restate(order)
        replaced = _replaced(order, stated.after)
        if not replaced:
            return order
        _require_replaceable(order, replaced)
        held = order.held_value
        if "amount" in replaced or "guards" in replaced:
            held = recount(account, key, held, demand(stated.before), demand(stated.after))
        is_fired = has_fired(order)
        _put(order, stated.after, held)
        events = transition([_change(order, replaced, is_fired)])
        assert len(events) == 1  # the row is locked
        entry = {name: pair[1] for name, pair in replaced.items()}
        was = {name: pair[0] for name, pair in replaced.items()}
        record(actor, [Entry("order.replace", f"order:{order.id}", was, entry, account.pk)])
        transaction.on_commit(lambda: _tell(order, events))
    return selectors.orders_of(account).get(pk=order_id)


def _tell(order: Order, events: list[Event]) -> None:
    push_events(events)
    settle_soon([order.link_id] if order.link_id else [])
    wake(Stage.CHILDREN if order.is_parent else Stage.ROUTE)
    wake_trigger_pass()


def _require_waiting(order: Order, version: int) -> None:
    """Raises: ProblemError for an order that has ended, that does not wait, or that has changed since it was read."""
    if is_terminal(order.status):
        detail = f"the order is {order.status}, outcome {order.outcome}"
        raise ProblemError(Problem("order_terminal", detail, "Nothing is left to replace; place another order"))
    facts = {"version": order.seq, "status": order.status}
    if order.status != OrderStatus.PENDING or order.cancel_requested_at is not None:
        words = "is to be cancelled" if order.cancel_requested_at else f"is {order.status}: a worker has taken it up"
        raise ProblemError(Problem("order_not_waiting", f"the order {words}", facts=facts))
    if order.parent_id is not None:
        raise ProblemError(
            Problem("order_not_waiting", "the order is a part of another: replace that one", facts=facts)
        )
    if not ORDER_TYPES[order.order_type].waits_for and order.waiting_for != SIBLING:
        detail = f"a {order.order_type} order waits for nothing but a worker"
        raise ProblemError(Problem("order_not_waiting", detail, facts=facts))
    if order.seq != version:
        detail = f"the order has version {order.seq}, not {version}"
        raise ProblemError(Problem("version_changed", detail, facts=facts))


def _require_replaceable(order: Order, replaced: Mapping[str, Any]) -> None:
    """Raises: ProblemError `order_not_waiting` for terms that have done their work already, or do it now."""
    facts = {"version": order.seq, "status": order.status}
    if order.is_parent and order.allotted and "amount" in replaced:
        raise ProblemError(Problem("order_not_waiting", "parts of its amount are executed already", facts=facts))
    # What is made of an order in parts is by the terms of then; the next slice of a schedule is by those of its turn.
    if order.is_parent and not ORDER_TYPES[order.order_type].is_sliced and order.children.filter(outcome=None).exists():
        raise ProblemError(Problem("order_not_waiting", "a part of it is being executed; try again", facts=facts))
    if (late := [name for name in TRIGGER_FIELDS if name in replaced]) and has_fired(order):
        raise ProblemError(Problem("order_not_waiting", f"its trigger was reached, {late[0]} is past", facts=facts))


def _terms(order: Order, after: NewOrder) -> SwapTerms:
    """The stored terms with those that may change."""
    return replace(after.terms, **{name: getattr(order.terms, name) for name in _KEPT})


def _replaced(order: Order, after: NewOrder) -> dict[str, list[Any]]:
    """What changes, as answers show it: before and after."""
    changed = Order(**{field.attname: getattr(order, field.attname) for field in Order._meta.concrete_fields})
    _put(changed, after, order.held_value)
    was, is_now = order_json(order), order_json(changed)
    return {name: [was[name], is_now[name]] for name in (*_SHOWN, *TYPE_FIELDS) if was[name] != is_now[name]}


def _put(order: Order, after: NewOrder, held: int | None) -> None:
    order.terms, order.amount, order.expires_at, order.held_value = (
        _terms(order, after),
        after.amount,
        after.expires_at,
        held,
    )


def _change(order: Order, replaced: Mapping[str, Any], is_fired: bool) -> Change:
    """PENDING to itself. A linked order that is held back is looked at with its group, which arms it again.

    A parent with children is looked at now: it may be due because one of them has ended, which must not be forgotten.
    """
    is_held_back, has_children = order.waiting_for == SIBLING, bool(order.slices_done)
    if is_held_back or has_children:
        armed = Armed(SIBLING, 0.0, {}) if is_held_back else Armed(None, 0.0, trigger_columns(None))
    else:
        armed = arm(order, has_fired=is_fired)
    return Change(
        order.id,
        OrderStatus.PENDING,
        OrderStatus.PENDING,
        order.updated_at,
        fields={
            "amount": order.amount,
            "terms": order.terms.to_json(),
            "expires_at": None if order.expires_at is None else order.expires_at.isoformat(),
            "held_value": order.held_value,
            # Another amount arrives when it is quoted first.
            **({"arrival_amount": None, "saved_amount": None} if "amount" in replaced else {}),
            **armed.columns,
        },
        data={"replaced": dict(replaced)},
        seq=order.seq,
        delay_s=armed.delay_s,
        waiting_for=armed.waiting_for,
    )
