"""What an owner allows a quote to be: price impact, limits on amounts, the limit price, and the reference price."""

from __future__ import annotations

import math
from collections.abc import Mapping
from fractions import Fraction
from typing import Final

from dex.errors import AmountTooSmall, LimitNotMet, LimitPriceNotReached, PriceDeviation, PriceImpactExceeded
from dex.router.impact import Worsening
from dex.types import PPM, Quote, Side, SwapRequest

LOWER_MINIMUM = "Lower guards.min_amount_out: the market pays facts.amount_out atoms now; or wait for a better price"
RAISE_MAXIMUM = "Raise guards.max_amount_in: the market asks facts.amount_in atoms now; or wait for a better price"
_ROUNDING: Final = 1e-9  # of prices in floats, which are far more exact


def limits_of(request: SwapRequest, amount_in: int, amount_out: int) -> tuple[int, int]:
    """`min_amount_out` and `max_amount_in` of a quote: the strictest of slippage and the owner's limits.

    All are rounded the owner's way.
    """
    limit = request.limit_price
    if request.side is Side.EXACT_IN:
        floor = -(-amount_out * (PPM - request.max_slippage_ppm) // PPM)
        least = 0 if limit is None else math.ceil(amount_in * limit)
        return max(floor, least, request.min_amount_out or 0), amount_in
    ceilings = [amount_in * (PPM + request.max_slippage_ppm) // PPM]
    if request.max_amount_in is not None:
        ceilings.append(request.max_amount_in)
    if limit is not None:
        ceilings.append(math.floor(amount_out / limit))
    return amount_out, min(ceilings)


def check_quote(request: SwapRequest, quote: Quote, worsening: Worsening) -> None:
    """All guards; the limit price first, since an order that waits for it waits even if another guard fails.

    Raises: LimitPriceNotReached, PriceDeviation, PriceImpactExceeded, AmountTooSmall, LimitNotMet.
    """
    _check_limit_price(request, quote, worsening)
    _check_deviation(request, quote)
    _check_impact(request, worsening)
    _check_limits(request, quote)


def _check_limit_price(request: SwapRequest, quote: Quote, worsening: Worsening) -> None:
    limit = request.limit_price
    if limit is None:
        return
    fee = 0 if quote.network_fee is None else quote.network_fee.value or 0
    if request.side is Side.EXACT_IN:
        is_reached = quote.amount_out - fee >= quote.amount_in * limit
    else:
        is_reached = (quote.amount_in + fee) * limit <= quote.amount_out
    if not is_reached:
        raise not_reached(request, limit, _now(quote), worth_routing_from(quote, worsening, limit))


def worth_routing_from(quote: Quote, worsening: Worsening, limit: Fraction) -> Fraction:
    """The marginal price at which the amount of a quote would be filled at the limit, by this quote's own impact.

    That is where all prices are better by one factor, with pools as deep as they are and the fee as it is: as much
    better as what the limit asks for, and the fee, are more than what the route pays. The quote's own marginal price is
    that of its legs by their shares: at most the market's, which a pool of dust may set. All roundings make it less.
    """
    fee = 0 if quote.network_fee is None else quote.network_fee.value or 0
    marginal = Fraction(worsening.marginal * (1 - _ROUNDING))
    if quote.side is Side.EXACT_IN:
        return marginal * (quote.amount_in * limit + fee) / quote.amount_out
    return marginal * (quote.amount_in + fee) * limit / quote.amount_out


def part_from(request: SwapRequest, limit: Fraction, least_fee: Fraction) -> Fraction:
    """The marginal price below which no part of a request can be filled: the whole would not earn the least fee."""
    if request.side is Side.EXACT_IN:
        return limit + least_fee / request.amount
    return limit * (1 + least_fee * limit / request.amount)


def best_case(request: SwapRequest, marginal: float) -> dict[str, str]:
    """Facts of a market at its marginal price, at which no amount is traded in full."""
    if request.side is Side.EXACT_IN:
        return {"most_amount_out": str(math.floor(request.amount * Fraction(marginal)))}
    return {"least_amount_in": str(math.ceil(request.amount / Fraction(marginal)))}


def _now(quote: Quote) -> dict[str, str]:
    """Facts of what a market gives for all of an amount."""
    facts = {"amount_in": str(quote.amount_in), "amount_out": str(quote.amount_out)}
    if quote.network_fee is not None and quote.net_amount is not None:
        facts["net_amount_out" if quote.side is Side.EXACT_IN else "net_amount_in"] = str(quote.net_amount)
    return facts


def not_reached(
    request: SwapRequest, limit: Fraction, market: Mapping[str, str], worth_routing: Fraction
) -> LimitPriceNotReached:
    """The error of a limit price, with facts of what the market gives now."""
    is_exact_in = request.side is Side.EXACT_IN
    if is_exact_in:
        limited = {"min_net_amount_out": str(math.ceil(request.amount * limit))}
    else:
        limited = {"max_net_amount_in": str(math.floor(request.amount / limit))}
    part = "any part of it" if request.allow_partial else "all of it"
    return LimitPriceNotReached(
        f"the market does not trade {part}, {request.token_in} for {request.token_out}, at the limit price",
        worth_routing_from=worth_routing,
        **{"token": request.token_out if is_exact_in else request.token_in, **market, **limited},
    )


def _check_deviation(request: SwapRequest, quote: Quote) -> None:
    reference, most = request.reference_price, request.max_deviation_ppm
    if reference is None or most is None:
        return
    price = Fraction(quote.amount_out, quote.amount_in)
    if price * PPM >= reference * (PPM - most):
        return
    deviation = math.ceil((1 - price / reference) * PPM)
    raise PriceDeviation(
        f"the price of {request.token_in} in {request.token_out} is {percent(deviation)} worse than the reference "
        f"price, your limit is {percent(most)}",
        amount_in=str(quote.amount_in),
        amount_out=str(quote.amount_out),
        reference_amount_out=str(math.floor(quote.amount_in * reference)),
        deviation_ppm=deviation,
        max_deviation_ppm=most,
    )


def _check_impact(request: SwapRequest, worsening: Worsening) -> None:
    """The guard on the price: what size costs is price impact, what rounding costs beside it makes an amount too small.

    Raises: PriceImpactExceeded, AmountTooSmall.
    """
    impact, total, most = worsening.price_impact_ppm, worsening.total_ppm, request.max_price_impact_ppm
    if most is None or max(impact, total) <= most:
        return
    if impact > most:
        raise PriceImpactExceeded(
            f"the order moves the price of {request.token_in} in {request.token_out} by {percent(impact)}, "
            f"your limit is {percent(most)}",
            price_impact_ppm=impact,
            max_price_impact_ppm=most,
        )
    fixed = request.token_in if request.side is Side.EXACT_IN else request.token_out
    raise AmountTooSmall(
        f"the amount of {fixed} is so small that rounding to whole units takes {percent(total - impact)} of it, "
        f"your limit on the price is {percent(most)}",
        token=fixed,
        price_impact_ppm=impact,
        rounding_ppm=total - impact,
        max_price_impact_ppm=most,
    )


def _check_limits(request: SwapRequest, quote: Quote) -> None:
    if request.min_amount_out is not None and quote.amount_out < request.min_amount_out:
        raise LimitNotMet(
            f"the best route pays less {request.token_out} than your min_amount_out",
            hint=LOWER_MINIMUM,
            token=request.token_out,
            amount_out=str(quote.amount_out),
            min_amount_out=str(request.min_amount_out),
        )
    if request.max_amount_in is not None and quote.amount_in > request.max_amount_in:
        raise LimitNotMet(
            f"the best route costs more {request.token_in} than your max_amount_in",
            hint=RAISE_MAXIMUM,
            token=request.token_in,
            amount_in=str(quote.amount_in),
            max_amount_in=str(request.max_amount_in),
        )


def percent(ppm: int) -> str:
    """For people."""
    return f"{ppm / 10_000:.2f} %"
