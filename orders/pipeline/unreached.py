"""Orders for which the market gives no route within their terms now: those that may wait for a better one do.

ROUTING -> PENDING, in the same attempt. Where the router says at which price of the market another try is worth its
effort, the trigger pass looks for that price. Else they are tried again by time, ever more rarely.
"""

from dataclasses import replace
from decimal import Decimal, localcontext
from fractions import Fraction

from dex import (
    AmountTooSmall,
    InsufficientLiquidity,
    LimitNotMet,
    LimitPriceNotReached,
    NoRoute,
    PriceDeviation,
    PriceImpactExceeded,
    TerminalError,
)
from orders.models.waiting import NEVER_DUE, trigger_columns
from orders.order_types import ORDER_TYPES
from orders.pipeline.claim import ClaimedOrder
from orders.pipeline.results import fail, move
from orders.pipeline.transition import Change
from orders.problems import Problem, problem_of
from orders.states import OrderStatus

# What a better market may change.
_MARKET = (LimitPriceNotReached, LimitNotMet, PriceImpactExceeded, PriceDeviation, NoRoute, InsufficientLiquidity)
# Between two tries by time, in seconds: the first pause, doubled with each, and the longest.
FIRST_PAUSE_S, LONGEST_PAUSE_S = 1.0, 60.0
# Digits of a price that is compared with others.
DIGITS = 130


def has_not_fired(order: ClaimedOrder) -> bool:
    """Whether it was claimed although its trigger has not been reached: before its time by an operator, say."""
    return order.trigger_kind not in (None, "limit")


def still_waiting(order: ClaimedOrder) -> Change:
    """Back to wait for its trigger, which stands in its row."""
    change = move(order, OrderStatus.PENDING, delay_s=_until_end_s(order), data={"waiting_for": "price"})
    return change._replace(waiting_for="price")


def unrouted(order: ClaimedOrder, error: TerminalError) -> Change:
    """What becomes of an order that cannot be routed: it waits for a better market, or it fails."""
    order_type, problem = ORDER_TYPES[order.order_type], problem_of(error)
    if not isinstance(error, _MARKET) or isinstance(error, AmountTooSmall):
        return fail(order, problem)
    if not order_type.waits_on(order):
        return fail(order, _ended(order, error, problem))
    delay_s, columns = _until_end_s(order), trigger_columns(None)
    if isinstance(error, LimitPriceNotReached) and error.worth_routing_from:
        price = in_units(error.worth_routing_from, order.decimals_in, order.decimals_out)
        # No amount trades at a better average than the marginal price, so the limit itself is the least to wait for.
        columns = trigger_columns("limit", max(price, order_type.limit_price(order) or price))
    else:
        delay_s = min(delay_s, FIRST_PAUSE_S * 2 ** min(order.seq // 2 - 1, 10), LONGEST_PAUSE_S)
    wait = {"code": problem.code, "detail": problem.detail}
    if columns["trigger_at_price"] is not None:
        wait["from_price"] = shown_price(columns["trigger_at_price"])
    data = {"waiting_for": "price", "wait": wait}
    change = move(order, OrderStatus.PENDING, fields=columns, data=data, delay_s=delay_s)
    return change._replace(waiting_for="price")


def _ended(order: ClaimedOrder, error: TerminalError, problem: Problem) -> Problem:
    """The end of an order with a limit price that must not wait: what cannot be filled now is not filled."""
    if not isinstance(error, (LimitPriceNotReached, LimitNotMet)):
        return problem
    if ORDER_TYPES[order.order_type].limit_price(order) is None:
        return problem
    code = "not_filled" if order.terms.time_in_force == "fok" else "expired"
    return replace(problem, code=code, detail=f"{order.terms.time_in_force}: {problem.detail}")


def in_units(price: Fraction, decimals_in: int, decimals_out: int) -> Decimal:
    """A price in atoms per atom as one in token units, to `DIGITS` significant digits."""
    with localcontext() as context:
        context.prec = DIGITS
        return (Decimal(price.numerator) / Decimal(price.denominator)).scaleb(decimals_in - decimals_out)


def shown_price(price: Decimal) -> str:
    """As people read it: 12 significant digits."""
    with localcontext() as context:
        context.prec = 12
        return format((+price).normalize(), "f")


def _until_end_s(order: ClaimedOrder) -> float:
    """Seconds from its claim until it is looked at for its end: a second late, or it would be too early."""
    return (NEVER_DUE.timestamp() if order.expires_s is None else order.expires_s + 1) - order.claimed_s
