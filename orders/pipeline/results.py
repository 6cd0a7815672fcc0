"""What one stage run over a batch leaves behind, and the two ways an order can fail to move on."""

import random
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from dex import RetryableError, Token
from orders.config import Policy
from orders.event_log.event import Event
from orders.order_types import ORDER_TYPES
from orders.pipeline.claim import ClaimedOrder, with_terms
from orders.pipeline.transition import EMPTY, Change
from orders.presentation.fees import paid_json
from orders.problems import Problem, outcome_of
from orders.states import OrderStatus, Stage

# The least pause of an order that waits for its limit, once as many tries were undone as another order has.
AFTER_ATTEMPTS_S = 60.0


@dataclass(slots=True)
class Settled:
    """What a batch came to.

    `events` are committed, `carried` are orders still under their lease that the same worker takes on to the next
    stage, `wakes` are stages, each with the seconds until it has other work, `retry` is an error for Celery's clock.
    """

    events: list[Event] = field(default_factory=list)
    wakes: set[tuple[Stage, float]] = field(default_factory=set)
    retry: RetryableError | None = None
    carried: list[ClaimedOrder] = field(default_factory=list)


def backoff_s(attempt: int, policy: Policy) -> float:
    """Full jitter: a random wait up to base * 2**(attempt - 1), capped, so that retries never march in step."""
    ceiling = min(policy.retry_cap_s, policy.retry_base_s * 2 ** min(attempt - 1, 30))
    return random.uniform(0, ceiling)  # noqa: S311 - spreads load, guards nothing


def may_try_again(order: ClaimedOrder, policy: Policy) -> bool:
    """Whether an order that the price has undone is tried again: attempts are left, or its type waits for its limit."""
    if order.attempt < policy.max_attempts:
        return True
    order_type = ORDER_TYPES[order.order_type]
    return bool(order_type.waits_for) and order_type.waits_on(with_terms(order))


def move(
    order: ClaimedOrder,
    target: OrderStatus,
    *,
    fields: Mapping[str, Any] | None = None,
    data: Mapping[str, Any] | None = None,
    keeps_lease_s: int = 0,
    delay_s: float = 0.0,
    attempt_added: int = 0,
) -> Change:
    """The change that takes a claimed order on."""
    return Change(
        order.id,
        order.status,
        target,
        order.since,
        order.lease_token,
        seq=order.seq,
        attempt_added=attempt_added,
        keeps_lease_s=keeps_lease_s,
        delay_s=delay_s,
        fields=fields or EMPTY,
        data=data or EMPTY,
        parent_id=order.parent_id,
        frees=order.is_counted,
    )


def fail(order: ClaimedOrder, problem: Problem) -> Change:
    """The change that ends an order, with the problem as its failure object."""
    failure = replace(problem, hint=problem.hint or _limit_hint(order, problem.code)).to_json()
    fields = {"outcome": outcome_of(problem.code), "failure": failure}
    return move(order, OrderStatus.FAILED, fields=fields, data={"failure": failure})


def _limit_hint(order: ClaimedOrder, code: str) -> str:
    """Which of the owner's limits to change: the stated amount, where that is what the chain enforced."""
    if code != "slippage":
        return ""
    for name, enforced, way in (
        ("min_amount_out", order.min_amount_out, "Lower guards.min_amount_out"),
        ("max_amount_in", order.max_amount_in, "Raise guards.max_amount_in"),
    ):
        stated = getattr(order.terms, name)
        if stated is not None and stated == enforced:
            return f"{way}, or place the order again when the price is better"
    return ""


def retry(
    order: ClaimedOrder,
    target: OrderStatus,
    problem: Problem,
    policy: Policy,
    fields: Mapping[str, Any] | None = None,
) -> Change:
    """The change that tries again later: attempt + 1, due after a jittered back-off.

    An order that goes on after `max_attempts` does so rarely: each try that the chain undoes costs its fee.
    """
    delay_s = backoff_s(order.attempt, policy)
    if order.attempt >= policy.max_attempts:
        delay_s += AFTER_ATTEMPTS_S
    data = {"retry": {"code": problem.code, "detail": problem.detail, "in_ms": int(delay_s * 1000)}}
    return move(order, target, fields=fields, data=data, delay_s=delay_s, attempt_added=1)


def cancelled(order: ClaimedOrder) -> Change:
    """The end of an order whose cancel is stored while nothing is signed for it."""
    return fail(order, Problem("cancelled", "cancelled; nothing is signed for it"))


def with_paid_fee(change: Change, order: ClaimedOrder, fee: int, native: Token) -> Change:
    """The change that a final receipt brings, with its fee added to those of the order's earlier transactions.

    A move of the order since its claim wins against this change: nothing is added twice, or to an older sum.
    """
    paid = (order.network_fee_paid or 0) + fee
    columns: Mapping[str, Any] = {"network_fee_paid": paid}
    if order.native_token is None:  # placed before orders knew it
        columns = {**columns, "native_token": native.symbol, "native_decimals": native.decimals}
    told = {"network_fee_paid": paid_json(paid, native)}
    return change._replace(fields={**change.fields, **columns}, data={**change.data, **told})
