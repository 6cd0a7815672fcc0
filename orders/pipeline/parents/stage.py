"""The stage of parents: makes the children whose time has come, tells what ended ones have filled, and ends parents.

One transaction, behind the parents' locks: a child is inserted in the statement that takes its amount from what is left
of the parent and writes the parent's event. Who has lost the claim, or was overtaken by a cancel, makes none.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction

from dex import Engine, FeesTooHigh, RetryableError
from orders.amounts import shown_price
from orders.config import Policy
from orders.database.recordset import recordset
from orders.models import new_id
from orders.models.waiting import NEVER_DUE, trigger_columns
from orders.notify.wake import wake_trigger_pass
from orders.order_types import ORDER_TYPES, Step, Trigger, trigger_of
from orders.order_types.base import Child
from orders.pipeline.claim import ClaimedOrder, release_orders
from orders.pipeline.parents.asking import Look, ask_market, is_over, progress_of, what_it_asks
from orders.pipeline.parents.changes import CHILDREN, NO_TRIGGER, Claimed, ended, progressed, why_it_ends
from orders.pipeline.parents.family import Family, read_families
from orders.pipeline.parents.rows import lock_orders
from orders.pipeline.results import Settled
from orders.pipeline.transition import Beside, Change, transition
from orders.pipeline.waiting import FIRST_PAUSE_S, LONGEST_PAUSE_S, pause_s
from orders.problems import problem_of
from orders.states import Stage

# A parent that waits for its children alone is made due by their ends; it looks by itself as rarely as this.
LOOK_EVERY_S = 3600.0


@dataclass(slots=True)
class _Found:
    """What becomes of a batch."""

    policy: Policy
    changes: list[Change] = field(default_factory=list)
    children: list[dict[str, Any]] = field(default_factory=list)
    waiting: list[tuple[ClaimedOrder, float]] = field(default_factory=list)
    # Seconds until the stage has to look again where no other process wakes it.
    again: set[float] = field(default_factory=set)

    def look_again(self, order: ClaimedOrder, delay_s: float) -> None:
        """Give the lease back until then, without an event."""
        self.waiting.append((order, delay_s))
        self.again.add(delay_s)


def advance_parents(orders: Sequence[ClaimedOrder], *, engine: Engine, policy: Policy) -> Settled:
    """Take each parent on by what its children, its schedule and the market say, which is asked before any lock."""
    found = _Found(policy)
    looks = ask_market(orders, engine)
    with transaction.atomic():
        lock_orders(order.id for order in orders)
        families = read_families(order.id for order in orders)
        for order in orders:
            family = families.get(order.id)
            # Who moved it since the claim, as a cancel, has won, and left it due.
            if family is not None and (family.seq, family.lease_token) == (order.seq, order.lease_token):
                _advance(order, family, looks.get(order.id), found)
        beside = (
            Beside(_PLACED, {"children": recordset(found.children), "never": NEVER_DUE}) if found.children else None
        )
        events = transition(found.changes, beside)
        release_orders(found.waiting)
    if any("trigger_kind" in child for child in found.children):
        wake_trigger_pass()
    wakes = {(Stage.CHILDREN, delay_s) for delay_s in found.again}
    return Settled(events, wakes | {(Stage.ROUTE, 0.0)} if found.children else wakes)


def _advance(order: ClaimedOrder, family: Family, look: Look | None, found: _Found) -> None:
    claimed = Claimed(order.id, order.since, order.seq, order.lease_token)
    asked = what_it_asks(order, family)
    if asked is not None and (look is None or look.asked != asked):
        found.look_again(order, 0.0)
        return
    if asked is None:
        look = None
    if look is not None and look.unanswered is not None:
        _hold(claimed, order, family, look.unanswered, found)
        return
    step = _step(order, family, look)
    if not step.children and step.wait is None and not family.live:
        why = why_it_ends(family, step.ends_as, look.why.detail if look and look.why else "")
        found.changes.append(ended(claimed, family._replace(slices_done=step.slices_done), why))
        return
    rows = [_row(order, child) for child in step.children]
    now = family._replace(open_amount=family.open_amount + sum(child.amount for child in step.children))
    waiting_for = step.wait.waiting_for if step.wait else CHILDREN
    trigger: Mapping[str, Any] = NO_TRIGGER
    data: dict[str, Any] = {}
    if isinstance(step.wait, Trigger):
        trigger, delay_s, data = _price_wait(order, family, look)
    else:
        delay_s = _seconds_to(step.wait.until if step.wait else None, family)
    told = (family.slices_done, family.told_allotted, family.told_in, family.told_out, family.waiting_for)
    if (step.slices_done, now.allotted, now.filled_in, now.filled_out, waiting_for) == told and (
        trigger["trigger_at_price"] == family.trigger_at_price
    ):
        found.waiting.append((order, delay_s))
        return
    if rows:
        data = {**data, "children": [{"order_id": row["id"], "amount_raw": row["amount"]} for row in rows]}
    found.changes.append(
        progressed(
            claimed,
            now,
            data,
            slices_done=step.slices_done,
            waiting_for=waiting_for,
            delay_s=delay_s,
            trigger=trigger,
        )
    )
    found.children += rows


def _step(order: ClaimedOrder, family: Family, look: Look | None) -> Step:
    if is_over(family):
        return Step((), family.slices_done)
    progress = replace(progress_of(order, family), offered=look.offered if look else None)
    return ORDER_TYPES[order.order_type].step(order, progress)


def _price_wait(
    order: ClaimedOrder, family: Family, look: Look | None
) -> tuple[Mapping[str, Any], float, dict[str, Any]]:
    """What a parent waits for that the market gives too little: the columns, the seconds, and what its event tells.

    For a price, where one is known that the market has not reached. One that was reached in vain does not show what
    keeps the order waiting, as pools that it must not use: then it looks again by time, ever more rarely.
    """
    assert look is not None
    assert look.why is not None
    price, data = look.from_price, {"code": look.why.code, "detail": look.why.detail}
    is_by_time = order.waiting_for == "price" and family.trigger_at_price is None and not family.failures
    if price is not None and not is_by_time:
        columns = trigger_columns("limit", price)
        was_reached = order.waiting_for is None and family.trigger_at_price is not None
        if not (was_reached and columns["trigger_at_price"] <= family.trigger_at_price):
            data["from_price"] = shown_price(columns["trigger_at_price"])
            until = family.at + timedelta(seconds=look.within_s)
            return columns, _seconds_to(until, family), {"waiting_for": "price", "wait": data}
    pause_s = min(max(order.waited_s or 0.0, FIRST_PAUSE_S), LONGEST_PAUSE_S)
    until = family.at + timedelta(seconds=pause_s)
    return NO_TRIGGER, _seconds_to(until, family), {"waiting_for": "price", "wait": data}


def _hold(claimed: Claimed, order: ClaimedOrder, family: Family, error: RetryableError, found: _Found) -> None:
    """A parent waits as other orders do for which the chain cannot be asked (pipeline/waiting.py)."""
    problem, waited_s = problem_of(error), order.waited_s or 0.0
    if order.waiting_for != error.waiting_for:
        waited_s = 0.0
    if order.terms.time_in_force not in ("gtc", "gtd") and waited_s >= found.policy.patience_s:
        found.changes.append(ended(claimed, family, problem))
        return
    delay_s = pause_s(waited_s, found.policy)
    if isinstance(error, FeesTooHigh):  # parts before this one may have used up what the owner allows: that stays so
        delay_s = min(max(waited_s, FIRST_PAUSE_S), LONGEST_PAUSE_S)
    if order.waiting_for == error.waiting_for:
        found.look_again(order, delay_s)
        return
    found.again.add(delay_s)
    data = {
        "waiting_for": error.waiting_for,
        "retry": {"code": problem.code, "detail": problem.detail, "in_ms": int(delay_s * 1000)},
    }
    found.changes.append(
        progressed(
            claimed, family, data, slices_done=family.slices_done, waiting_for=error.waiting_for, delay_s=delay_s
        )
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
    " native_token, native_decimals, placed_key"
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
