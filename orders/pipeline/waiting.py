"""Orders that cannot be tried because the chain cannot be asked: nothing is lost, so they wait and are tried again.

Such a wait is no attempt. It begins with one event and ends with the next one, however many tries lie between.
An order without a signature waits until its own `expires_at`, or `patience_s` where it has none, without end where it
is `gtc`; one with a signature until the chain answers.

An order for which the market gives no route within its terms now goes back to PENDING, where it may wait for a better
one, in the same attempt. Where the router says at which price of the market another try is worth its effort, the
trigger pass looks for that price (orders/waiting/). Else it is tried again by time, ever more rarely; so is one that
the trigger pass has woken for a price that its route cannot use.
"""

import logging
import random
import time
from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any, ClassVar

from dex import (
    AmountTooSmall,
    InsufficientLiquidity,
    LimitNotMet,
    LimitPriceNotReached,
    NoRoute,
    PriceDeviation,
    PriceImpactExceeded,
    RetryableError,
    TerminalError,
)
from orders.amounts import in_units, shown_price
from orders.config import Policy
from orders.models.waiting import NEVER_DUE, POOL_KINDS, trigger_columns
from orders.order_types import ORDER_TYPES
from orders.pipeline.claim import ClaimedOrder, release_orders
from orders.pipeline.results import Settled, fail, move
from orders.pipeline.transition import Change
from orders.problems import Problem, problem_of
from orders.states import OrderStatus, Stage

logger = logging.getLogger(__name__)

# What a better market may change.
MARKET = (LimitPriceNotReached, LimitNotMet, PriceImpactExceeded, PriceDeviation, NoRoute, InsufficientLiquidity)
# Between two tries by time, in seconds: the first pause, doubled with each, and the longest.
FIRST_PAUSE_S, LONGEST_PAUSE_S = 1.0, 60.0
# An order whose price is not there is tried this rarely all the same.
LOOK_AGAIN_S = 600.0

# The pause between two tries grows with the wait up to here: an order goes on within a second of the chain's return.
CEILING_S = 1.0
SHARE_OF_WAIT = 0.1
# What kept orders waiting, in the words of their owner.
CAUSES = {
    "chain": "the chain could not be asked",
    "fees": "the network's fees were above the most allowed",
    "funds": "other transactions of its wallet might take what it needs",
    "price": "its price was not reached",
}

# A process logs the same cause no more often.
LOG_EVERY_S = 10.0

Unasked = tuple[ClaimedOrder, RetryableError]


class _Logged:
    """When this process last logged each cause."""

    at: ClassVar[dict[str, float]] = {}


def wait(
    unasked: Sequence[Unasked], stage: Stage, policy: Policy, settled: Settled, *, is_signed: bool = False
) -> list[Change]:
    """The changes that begin and end waits; orders that only go on waiting give their lease back without an event.

    Notes in `settled` when the stage has to look again, and the error of a wait that begins, for the task's clock.
    """
    if not unasked:
        return []
    delay_s = pause_s(min(order.waited_s or 0.0 for order, _ in unasked), policy)
    changes: list[Change] = []
    again: list[ClaimedOrder] = []
    for order, error in unasked:
        if not is_signed and _is_over(order, policy):
            changes.append(_end(order, error))
            continue
        settled.wakes.add((stage, delay_s))
        if order.waiting_for == error.waiting_for:
            again.append(order)
        else:
            changes.append(_begin(order, error, delay_s))
            settled.retry = error
    release_orders((order, delay_s) for order in again)
    if settled.retry is not None:
        _log(settled.retry)
    return changes


def pause_s(waited_s: float, policy: Policy) -> float:
    """Between half and all of a share of the wait so far, so that the tries of many do not march in step."""
    ceiling = min(policy.retry_cap_s, CEILING_S, max(policy.retry_base_s, waited_s * SHARE_OF_WAIT))
    return random.uniform(ceiling / 2, ceiling)  # noqa: S311 - spreads load, guards nothing


def expired_while_waiting(order: ClaimedOrder) -> str:
    """What to add to the words of an order that has run out of time; empty where it waited for nothing."""
    if order.waiting_for not in CAUSES or order.waited_s is None:
        return ""
    return f": {CAUSES[order.waiting_for]} for {order.waited_s:.0f} s"


def _log(error: RetryableError) -> None:
    """Once in a while: as long as the chain is away every new order begins to wait."""
    now = time.monotonic()
    if now - _Logged.at.get(error.waiting_for, -LOG_EVERY_S) >= LOG_EVERY_S:
        _Logged.at[error.waiting_for] = now
        logger.warning("orders begin to wait for %s: %s", error.waiting_for, error.detail)


def _is_over(order: ClaimedOrder, policy: Policy) -> bool:
    if order.expires_s is not None or order.terms.time_in_force == "gtc":
        return False
    return (order.waited_s or 0.0) >= policy.patience_s


def _begin(order: ClaimedOrder, error: RetryableError, delay_s: float) -> Change:
    again = {"code": problem_of(error).code, "detail": error.detail, "in_ms": int(delay_s * 1000)}
    data = {"waiting_for": error.waiting_for, "retry": again}
    change = move(order, OrderStatus(order.status), data=data, delay_s=delay_s)
    return change._replace(waiting_for=error.waiting_for)


def _end(order: ClaimedOrder, error: RetryableError) -> Change:
    detail = f"{CAUSES[error.waiting_for]} for {order.waited_s or 0.0:.0f} s, nothing was signed: {error.detail}"
    return fail(order, Problem(problem_of(error).code, detail, error.hint, facts=error.facts))


def has_not_fired(order: ClaimedOrder) -> bool:
    """Whether it was claimed although its trigger has not been reached: before its time by an operator, say."""
    return order.trigger_kind not in (None, "limit")


def still_waiting(order: ClaimedOrder) -> Change:
    """Back to wait for its trigger, which stands in its row."""
    waiting_for = "pool" if order.trigger_kind in POOL_KINDS else "price"
    change = move(order, OrderStatus.PENDING, delay_s=_until_end_s(order), data={"waiting_for": waiting_for})
    return change._replace(waiting_for=waiting_for)


def unrouted(order: ClaimedOrder, error: TerminalError) -> Change:
    """What becomes of an order that cannot be routed: it waits for a better market, or it fails."""
    order_type, problem = ORDER_TYPES[order.order_type], problem_of(error)
    if not isinstance(error, MARKET) or isinstance(error, AmountTooSmall):
        return fail(order, problem)
    if not order_type.waits_on(order):
        return fail(order, _ended(order, error, problem))
    columns, wait = _trigger(order, error), {"code": problem.code, "detail": problem.detail}
    if columns["trigger_at_price"] is not None:
        wait["from_price"] = shown_price(columns["trigger_at_price"])
        # Deeper pools and lower network fees do not show in the marginal price.
        delay_s = LOOK_AGAIN_S
    else:
        delay_s = min(FIRST_PAUSE_S * 2 ** min(order.seq // 2 - 1, 10), LONGEST_PAUSE_S)
    data = {"waiting_for": "price", "wait": wait}
    change = move(order, OrderStatus.PENDING, fields=columns, data=data, delay_s=min(delay_s, _until_end_s(order)))
    return change._replace(waiting_for="price")


def _trigger(order: ClaimedOrder, error: TerminalError) -> dict[str, Any]:
    """The price of the market that it waits for next, as columns; none where only time can tell."""
    if not isinstance(error, LimitPriceNotReached) or not error.worth_routing_from:
        return trigger_columns(None)
    price = in_units(error.worth_routing_from, order.decimals_in, order.decimals_out)
    # No amount trades at a better average than the marginal price, so the limit itself is the least to wait for.
    columns = trigger_columns("limit", max(price, ORDER_TYPES[order.order_type].limit_price(order) or price))
    # The trigger pass knows the best price of all pools, also of those that the order's route must go round: it was
    # reached, and would be with each pass. Then the next try is by time, and waits for the price after that.
    if _is_kept_from_pools(order) and _has_been_reached(order, columns["trigger_at_price"]):
        return trigger_columns(None)
    return columns


def _is_kept_from_pools(order: ClaimedOrder) -> bool:
    """Whether the best price of its pair may be that of a pool that its route cannot use."""
    terms = order.terms
    return bool(terms.allow or terms.deny or terms.deny_tokens or terms.max_hops)


def _has_been_reached(order: ClaimedOrder, price: Decimal) -> bool:
    """Whether the trigger that made the order due is no lower than this price."""
    at_price = order.trigger_at_price if order.trigger_kind == "limit" and order.waiting_for is None else None
    return at_price is not None and price <= Decimal(at_price)


def _ended(order: ClaimedOrder, error: TerminalError, problem: Problem) -> Problem:
    """The end of an order with a limit price that must not wait: what cannot be filled now is not filled."""
    if not isinstance(error, (LimitPriceNotReached, LimitNotMet)):
        return problem
    if ORDER_TYPES[order.order_type].limit_price(order) is None:
        return problem
    code = "not_filled" if order.terms.time_in_force == "fok" else "expired"
    return replace(problem, code=code, detail=f"{order.terms.time_in_force}: {problem.detail}")


def _until_end_s(order: ClaimedOrder) -> float:
    """Seconds from its claim until it is looked at for its end: a second late, or it would be too early."""
    return (NEVER_DUE.timestamp() if order.expires_s is None else order.expires_s + 1) - order.claimed_s
