"""What parents that are filled as the market allows ask it before their locks are taken, and what is worth a child.

The answer holds for what was asked. Behind the lock the parent asks again, of itself: where it would ask for something
else by then, since a child has ended or its owner has replaced terms, the answer is dropped.
"""

import math
from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction
from typing import NamedTuple
from uuid import UUID

from dex import DexError, Engine, LimitPriceNotReached, Quote, RetryableError, Side, SwapRequest
from orders.amounts import in_units
from orders.order_types import ORDER_TYPES, Part, Progress, limit_of
from orders.pipeline.claim import ClaimedOrder
from orders.pipeline.parents.family import Family, read_families
from orders.pipeline.route import ask_quotes
from orders.pipeline.waiting import LONGEST_PAUSE_S, LOOK_AGAIN_S
from orders.problems import Problem, problem_of
from orders.terms import swap_request

PPM = 1_000_000
# What the network fee of a child may take of what it moves.
MOST_FEE_PPM = 10_000
# A part below 1 / MOST_PARTS of its order is worth a child only where it gains LEAST_GAIN times its fee over the limit:
# what rounding and the search leave of a part does not, nor what a price gives that has hardly reached the limit.
MOST_PARTS, LEAST_GAIN = 500, 10
# How far above its limit, at least, the market is looked at again after a part that was too small.
LEAST_RISE = Fraction(1, 10_000)


class Look(NamedTuple):
    """The market's answer to what a parent `asked`.

    It gives `offered` atoms of the fixed side; None: nothing that is worth a child, and `why`. `from_price` is the
    price of the pair, in token units, from which on another look is worth it, None where that is not known; `within_s`
    is when to look anyway. `unanswered`: the market could not be asked, or fees are too high now.
    """

    asked: Part
    offered: int | None = None
    why: Problem | None = None
    from_price: Decimal | None = None
    within_s: float = LONGEST_PAUSE_S
    unanswered: RetryableError | None = None


def ask_market(orders: Sequence[ClaimedOrder], engine: Engine) -> dict[UUID, Look]:
    """What the market gives those that ask it, each as those before it leave it."""
    asking = [order for order in orders if not ORDER_TYPES[order.order_type].is_sliced]
    if not asking:
        return {}
    families = read_families(order.id for order in asking)
    asked = [
        (order, part) for order in asking if order.id in families and (part := what_it_asks(order, families[order.id]))
    ]
    if not asked:
        return {}
    wanted = [(order.account_id, _request(order, part)) for order, part in asked]
    answers = ask_quotes(wanted, engine, asked[0][0].venues_to_avoid, engine.prepare)
    return {order.id: _look(order, part, answer) for (order, part), answer in zip(asked, answers, strict=True)}


def what_it_asks(order: ClaimedOrder, family: Family) -> Part | None:
    """What a parent asks of the market as it stands; None: nothing."""
    return None if is_over(family) else ORDER_TYPES[order.order_type].asks(order, progress_of(order, family))


def is_over(family: Family) -> bool:
    """Whether a parent makes no child any more, by any type."""
    return family.is_cancel_requested or family.is_expired or family.filled == family.amount


def progress_of(order: ClaimedOrder, family: Family) -> Progress:
    """How far a parent is, for its type."""
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
        has_open=family.live > 0,
        failures=family.failures,
        failed_at=family.failed_at,
        last_outcome=family.last_outcome,
    )


def times_too_small(quote: Quote, limit: Fraction, part: int, of: int) -> Fraction:
    """How many times larger the part of an amount would have to be to be worth a child; at most 1 where it is."""
    is_exact_in = quote.side is Side.EXACT_IN
    gross = quote.amount_out if is_exact_in else quote.amount_in
    fee = 0 if quote.network_fee is None else quote.network_fee.value or 0
    share = Fraction(of, MOST_PARTS * part)
    if not fee:
        return share
    gain = quote.amount_out - quote.amount_in * limit if is_exact_in else quote.amount_out / limit - quote.amount_in
    # What a part gains grows as its square.
    too_little = LEAST_GAIN * fee / gain if gain > 0 else share**2
    times = Fraction(math.isqrt(math.ceil(too_little)) + 1) if too_little > 1 else too_little
    return max(Fraction(fee * PPM, gross * MOST_FEE_PPM), min(share, times))


def _request(order: ClaimedOrder, part: Part) -> SwapRequest:
    request = swap_request(order.token_in, order.token_out, order.side, part.amount, part.terms)
    return replace(request, limit_price=limit_of(order.order_type, order), allow_partial=True)


def _look(order: ClaimedOrder, asked: Part, answer: Quote | DexError) -> Look:
    if isinstance(answer, RetryableError):
        return Look(asked, unanswered=answer)
    if isinstance(answer, DexError):
        price = answer.worth_routing_from if isinstance(answer, LimitPriceNotReached) else None
        return _nothing(order, asked, problem_of(answer), price, LOOK_AGAIN_S if price else LONGEST_PAUSE_S)
    part = asked.amount - answer.unfilled
    limit = limit_of(order.order_type, order)
    assert limit is not None
    times = times_too_small(answer, limit, part, order.amount)
    # One that does not wait is filled by one child, so that no dust follows it; what is all is worth it by its price.
    if times <= 1 or part == asked.amount or not ORDER_TYPES[order.order_type].waits_on(order):
        return Look(asked, part)
    # About there it would be large enough: how far the market is above the limit grows with how much it gives.
    price = limit + max(2 * (Fraction(answer.amount_out, answer.amount_in) - limit) * times, limit * LEAST_RISE)
    detail = f"at the limit the market gives {part} atoms, too few for a transaction of their own"
    return _nothing(order, asked, Problem("limit_price", detail), price, LONGEST_PAUSE_S)


def _nothing(order: ClaimedOrder, asked: Part, why: Problem, price: Fraction | None, within_s: float) -> Look:
    from_price = None
    if price:
        # No amount trades at a better average than the marginal price, so the limit itself is the least to wait for.
        limit = limit_of(order.order_type, order)
        from_price = in_units(max(price, limit or price), order.decimals_in, order.decimals_out)
    return Look(asked, None, why, from_price, within_s)
