"""The stage of parents: makes the children whose time has come, tells what ended ones have filled, and ends parents.

One transaction, behind the parents' locks: a child is inserted in the statement that takes its amount from what is left
of the parent and writes the parent's event. Who has lost the claim, or was overtaken by a cancel, makes none.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db import transaction

from dex import Engine
from orders.config import Policy
from orders.database.recordset import recordset
from orders.models import new_id
from orders.models.waiting import NEVER_DUE, trigger_columns
from orders.notify.wake import wake_trigger_pass
from orders.order_types import ORDER_TYPES, Progress, Step, trigger_of
from orders.order_types.base import Child
from orders.pipeline.claim import ClaimedOrder, release_orders
from orders.pipeline.parents.changes import CHILDREN, Claimed, ended, progressed, why_it_ends
from orders.pipeline.parents.family import Family, read_families
from orders.pipeline.parents.rows import lock_orders
from orders.pipeline.results import Settled
from orders.pipeline.transition import Beside, Change, transition
from orders.states import Stage

# A parent that waits for its children alone is made due by their ends; it looks by itself as rarely as this.
LOOK_EVERY_S = 3600.0


@dataclass(slots=True)
class _Found:
    """What becomes of a batch."""

    changes: list[Change] = field(default_factory=list)
    children: list[dict[str, Any]] = field(default_factory=list)
    waiting: list[tuple[ClaimedOrder, float]] = field(default_factory=list)


def advance_parents(orders: Sequence[ClaimedOrder], *, engine: Engine, policy: Policy) -> Settled:
    """Take each parent on by what its children and its schedule say."""
    found = _Found()
    with transaction.atomic():
        lock_orders(order.id for order in orders)
        families = read_families(order.id for order in orders)
        for order in orders:
            family = families.get(order.id)
            # Who moved it since the claim, as a cancel, has won, and left it due.
            if family is not None and (family.seq, family.lease_token) == (order.seq, order.lease_token):
                _advance(order, family, found)
        beside = (
            Beside(_PLACED, {"children": recordset(found.children), "never": NEVER_DUE}) if found.children else None
        )
        events = transition(found.changes, beside)
        release_orders(found.waiting)
    if any("trigger_kind" in child for child in found.children):
        wake_trigger_pass()
    return Settled(events, {(Stage.ROUTE, 0.0)} if found.children else set())


def _advance(order: ClaimedOrder, family: Family, found: _Found) -> None:
    claimed = Claimed(order.id, order.since, order.seq, order.lease_token)
    step = _step(order, family)
    if not step.children and step.wait is None and not family.live:
        found.changes.append(ended(claimed, family._replace(slices_done=step.slices_done), why_it_ends(family)))
        return
    rows = [_row(order, child) for child in step.children]
    now = family._replace(open_amount=family.open_amount + sum(child.amount for child in step.children))
    delay_s = _seconds_to(step.wait.until if step.wait else None, family)
    waiting_for = step.wait.waiting_for if step.wait else CHILDREN
    told = (family.slices_done, family.told_allotted, family.told_in, family.told_out, family.waiting_for)
    if (step.slices_done, now.allotted, now.filled_in, now.filled_out, waiting_for) == told:
        found.waiting.append((order, delay_s))
        return
    made = [{"order_id": row["id"], "amount_raw": row["amount"]} for row in rows]
    found.changes.append(
        progressed(
            claimed,
            now,
            {"children": made} if made else {},
            slices_done=step.slices_done,
            waiting_for=waiting_for,
            delay_s=delay_s,
        )
    )
    found.children += rows


def _step(order: ClaimedOrder, family: Family) -> Step:
    if family.is_cancel_requested or family.is_expired or family.filled == family.amount:
        return Step((), family.slices_done)
    return ORDER_TYPES[order.order_type].step(order, _progress(order, family))


def _progress(order: ClaimedOrder, family: Family) -> Progress:
    most = order.terms.max_network_fee
    return Progress(
        family.at,
        family.placed_at,
        order.id.bytes,
        family.decimals_in,
        family.decimals_out,
        family.slices_done,
        family.allotted,
        None if most is None else max(0, most - family.fees_paid - family.fees_reserved),
    )


def _seconds_to(until: datetime | None, family: Family) -> float:
    """To the next turn or the end of the order's own time, whichever is first."""
    ends = [(at - family.at).total_seconds() for at in (until, family.expires_at) if at is not None]
    # Past its expiry only the ends of its children are left to wait for.
    return min([seconds for seconds in ends if seconds > 0], default=LOOK_EVERY_S)


def _row(order: ClaimedOrder, child: Child) -> dict[str, Any]:
    return {
        "id": new_id(),
        "parent_id": order.id,
        "order_type": child.order_type,
        "amount": str(child.amount),
        "terms": child.terms.to_json(),
        **_trigger(order._replace(order_type=child.order_type, amount=child.amount, terms=child.terms)),
    }


def _trigger(child: ClaimedOrder) -> dict[str, Any]:
    """What a child waits for before it is routed."""
    trigger = trigger_of(child.order_type, child)
    if trigger is None:
        return {}
    columns = trigger_columns(trigger.kind, trigger.price)
    return {"waiting_for": trigger.waiting_for, **{name: str(value) for name, value in columns.items()}}


# The rest of a child is its parent's. It counts against no limit, since its parent does.
_SAME = (
    "account_id, request_hash, chain_id, side, token_in, token_out, decimals_in, decimals_out, expires_at,"
    " native_token, native_decimals"
)
_OF_PARENT = ", ".join(f"p.{name}" for name in _SAME.split(", "))
_PLACED = f"""
    made AS (
        INSERT INTO orders_order
            (id, parent_id, order_type, amount, terms, {_SAME}, status, attempt, seq, claim_count,
             waiting_for, waiting_since, trigger_kind, trigger_at_price, due_at)
        SELECT v.id, v.parent_id, v.order_type, v.amount, v.terms, {_OF_PARENT},
            'PENDING', 1, 1, 0,
            v.waiting_for, CASE WHEN v.waiting_for IS NOT NULL THEN now() END, v.trigger_kind, v.trigger_at_price,
            CASE WHEN v.trigger_kind IS NULL THEN now() ELSE coalesce(p.expires_at, %(never)s) END
        FROM jsonb_to_recordset(%(children)s::jsonb)
            AS v(id uuid, parent_id uuid, order_type text, amount numeric, terms jsonb, waiting_for text,
                 trigger_kind text, trigger_at_price numeric)
        JOIN orders_order p ON p.id = v.parent_id
        WHERE (v.parent_id IN (SELECT id FROM moved)) IS TRUE
        RETURNING id, account_id, parent_id, created_at
    ), first_events AS (
        INSERT INTO orders_orderevent (order_id, account_id, seq, status, attempt, at, took_ms, data)
        SELECT id, account_id, 1, 'PENDING', 1, created_at, 0, jsonb_build_object('parent_id', parent_id) FROM made
    )"""
