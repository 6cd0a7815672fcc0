"""From the best split to a quote: comparison by venue, price impact, limits that the chain will enforce, guards."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from fractions import Fraction
from typing import NamedTuple

from dex.errors import (
    AmountTooSmall,
    DexError,
    InsufficientLiquidity,
    LimitNotMet,
    LimitPriceNotReached,
    PriceDeviation,
    PriceImpactExceeded,
)
from dex.pools import Pool
from dex.router.best import Found, Search, best_beside, best_route, within_fee
from dex.router.guards import best_case, check_quote, limits_of, not_reached, part_from
from dex.router.impact import Worsening, worsening_of
from dex.router.market import Market
from dex.router.net.costs import native_price
from dex.router.net.fees import FeeTable
from dex.router.partial import Part, best_part, least_fee_of, marginal_of
from dex.router.time_limit import UNLIMITED, TimeLimit
from dex.router.venue_paths import Fill, best_fill
from dex.types import PPM, Quote, Route, Side, SwapRequest, VenueQuote

BASIS_POINTS = 10_000
# By how much quoted amounts may pass the bound: floats, and atoms that programs round in the trader's favour.
BOUND_ERROR = 1e-9
ROUNDING_ATOMS = 2
# Of a part that a guard refuses: how many amounts are tried, and how close below the guard's own.
_TRIES = 6
_LESS = 0.95

logger = logging.getLogger(__name__)


class Routed(NamedTuple):
    """A quote, and the pools as its route would leave them."""

    quote: Quote
    pools_after: tuple[Pool, ...]


class _Beside(NamedTuple):
    """A search, beside what each venue alone would give."""

    search: Search
    venue_quotes: tuple[VenueQuote, ...]


def find_route(
    market: Market,
    request: SwapRequest,
    time_limit: TimeLimit = UNLIMITED,
    most_cost: Callable[[Route], int] | None = None,
) -> Routed:
    """The best route for a request, or the best found within the time limit, guarded and with its limits.

    Where it may cost more than `max_network_fee`, one found that may not takes its place (`within_fee`); without one it
    stays. What counts is what is expected to be paid, or `most_cost` where that is more. Of a request that allows a
    partial fill it is the route of the part that gains most against the limit price.
    Raises: NoRoute, InsufficientLiquidity, AmountTooSmall, and what `check_quote` raises.
    """
    if request.allow_partial and request.limit_price is not None:
        return _partly(market, request, request.limit_price, time_limit, most_cost)
    return _routed(_search(market, request, time_limit), most_cost)


def _partly(
    market: Market,
    request: SwapRequest,
    limit: Fraction,
    time_limit: TimeLimit,
    most_cost: Callable[[Route], int] | None,
) -> Routed:
    search = Search(market, request, allowed_venues(market, request), _fees(market, request), (), time_limit)
    part = best_part(search, limit)
    if part is not None:
        with suppress(LimitPriceNotReached):  # once it is rounded to whole atoms
            return _within_guards(market, request, part, time_limit, most_cost)
    raise not_reached(
        request, limit, best_case(request, marginal_of(search)), part_from(request, limit, least_fee_of(search))
    )


def _within_guards(
    market: Market, request: SwapRequest, part: Part, time_limit: TimeLimit, most_cost: Callable[[Route], int] | None
) -> Routed:
    """The quote of a part, or where a guard on its price refuses it, of the largest of a few smaller ones that it lets.

    All prices get better with less. Raises: what `check_quote` raises of the part itself.
    """
    amount = part.amount
    found: Found | None = part.found
    refusal: DexError | None = None
    for _ in range(_TRIES):
        beside = _search(market, _part_of(request, amount), time_limit)
        try:
            return _routed(beside, most_cost, found, request.amount - amount)
        except (PriceImpactExceeded, PriceDeviation, LimitNotMet) as error:
            refusal = refusal or error
            if not _is_refused_for_size(error, request, marginal_of(beside.search)):
                raise refusal from None
            amount, found = int(amount * _smaller(error, request)), None
        except (LimitPriceNotReached, InsufficientLiquidity):
            raise refusal or LimitPriceNotReached("rounded to whole atoms it is worse than the limit") from None
        if amount <= 0 or time_limit.is_over():
            break
    assert refusal is not None
    raise refusal


def _is_refused_for_size(error: DexError, request: SwapRequest, marginal: float) -> bool:
    """Whether less of it would pass: the price before it does."""
    if isinstance(error, PriceDeviation):
        assert request.reference_price is not None
        assert request.max_deviation_ppm is not None
        return marginal * PPM > request.reference_price * (PPM - request.max_deviation_ppm)
    if isinstance(error, LimitNotMet):
        least = request.min_amount_out is not None and marginal * request.amount <= request.min_amount_out
        most = request.max_amount_in is not None and marginal * request.max_amount_in <= request.amount
        return not (least or most)
    return True


def _smaller(error: DexError, request: SwapRequest) -> float:
    """How much of an amount to try that a guard refuses. Impact grows about as the amount does."""
    if isinstance(error, PriceImpactExceeded) and request.max_price_impact_ppm is not None:
        impact = error.facts["price_impact_ppm"]
        assert isinstance(impact, int)
        return min(_LESS * request.max_price_impact_ppm / impact, _LESS)
    return 0.5


def _part_of(request: SwapRequest, amount: int) -> SwapRequest:
    """The request for a part of its amount; limits on the whole are shared in proportion, rounded the owner's way."""
    least, most = request.min_amount_out, request.max_amount_in
    return replace(
        request,
        amount=amount,
        min_amount_out=None if least is None else -(-least * amount // request.amount),
        max_amount_in=None if most is None else most * amount // request.amount,
    )


def _search(market: Market, request: SwapRequest, time_limit: TimeLimit) -> _Beside:
    """Where the request is routed, and what each venue gives alone."""
    venues = allowed_venues(market, request)
    fees = _fees(market, request)
    compiled, paths = market.compiled, market.paths
    fills, quotes = [], []
    for venue in market.venues:
        if venue in venues:
            fill = best_fill(compiled, request, paths.of(venue, request, compiled), fees)
            quotes.append(_venue_quote(venue, fill))
            if fill is not None:
                fills.append(fill)
    return _Beside(Search(market, request, venues, fees, fills, time_limit), tuple(quotes))


def _routed(
    beside: _Beside, most_cost: Callable[[Route], int] | None, found: Found | None = None, unfilled: int = 0
) -> Routed:
    """The guarded quote of the best route, or of the one found already where no venue's own path is better."""
    search = beside.search
    best = best_route(search) if found is None else best_beside(search, found)
    cheaper = within_fee(search, best, most_cost)
    if cheaper is not None:
        with suppress(AmountTooSmall, PriceImpactExceeded, LimitNotMet, LimitPriceNotReached, PriceDeviation):
            return _guarded(beside, cheaper, unfilled)
    return _guarded(beside, best, unfilled)


def _guarded(beside: _Beside, found: Found, unfilled: int) -> Routed:
    """The quote of a route. Raises: what `check_quote` raises."""
    market, request = beside.search.market, beside.search.request
    amount_in = found.route.amount_in
    # What an exact-out plan pays above the amount, where it has to, is not part of the quote.
    amount_out = found.route.amount_out if request.side is Side.EXACT_IN else request.amount
    worsening = worsening_of(market, found.route, amount_in, amount_out)
    quote = _quote(market, request, found, (amount_in, amount_out), worsening, beside.venue_quotes)
    quote = replace(quote, unfilled=unfilled) if unfilled else quote
    check_quote(request, quote, worsening)
    return Routed(quote, found.pools_after)


def _fees(market: Market, request: SwapRequest) -> FeeTable | None:
    """What the chain charges at the request's strategy; None where it charges nothing."""
    costs = market.costs.get(request.fee_strategy)
    if costs is None:
        return None
    token = request.token_out if request.side is Side.EXACT_IN else request.token_in
    compiled = market.compiled if request.side is Side.EXACT_IN else market.compiled.buying()
    return FeeTable(costs, native_price(compiled, costs, token))  # the very price that the search takes


def allowed_venues(market: Market, request: SwapRequest) -> frozenset[str]:
    """The market's venues that the request permits."""
    venues = request.allow_venues & set(market.venues) if request.allow_venues else frozenset(market.venues)
    return venues - request.deny_venues


def _quote(
    market: Market,
    request: SwapRequest,
    found: Found,
    amounts: tuple[int, int],
    worsening: Worsening,
    venue_quotes: tuple[VenueQuote, ...],
) -> Quote:
    is_exact_in = request.side is Side.EXACT_IN
    amount_in, amount_out = amounts
    min_amount_out, max_amount_in = limits_of(request, amount_in, amount_out)
    bound, gap_bps = _certificate(is_exact_in, amount_in, amount_out, found)
    return Quote(
        side=request.side,
        route=found.route,
        amount_in=amount_in,
        amount_out=amount_out,
        min_amount_out=min_amount_out,
        max_amount_in=max_amount_in,
        mid_amount_out=int(amount_in * worsening.mid),
        price_impact_ppm=worsening.price_impact_ppm,
        bound=bound,
        gap_bps=gap_bps,
        venue_quotes=venue_quotes,
        snapshot_version=market.version,
        network_fee=found.network_fee,
        marginal_amount_out=int(amount_in * worsening.marginal),
    )


def _certificate(is_exact_in: bool, amount_in: int, amount_out: int, found: Found) -> tuple[int | None, float | None]:
    """The bound in whole atoms, rounded so that it stays one, and the distance of what is promised from it, both net.

    Where the fee is more than the order pays, the bound on what is left may be below zero.
    """
    bound, fee = found.bound, 0 if found.network_fee is None else found.network_fee.value or 0
    if bound is None or not math.isfinite(bound) or (bound <= 0 and not (is_exact_in and fee)):
        return None, None
    beyond = amount_out - fee - bound if is_exact_in else bound - amount_in - fee
    size = max(abs(bound), amount_out if is_exact_in else amount_in)
    if beyond > BOUND_ERROR * size + ROUNDING_ATOMS * len(found.route.hops):
        logger.error("a route passes its bound %r: %d in, %d out, %d for the fee", bound, amount_in, amount_out, fee)
        return None, None
    if is_exact_in:
        return math.ceil(bound), max(0.0, BASIS_POINTS * ((bound + fee) / amount_out - 1))
    return math.floor(bound), max(0.0, BASIS_POINTS * ((amount_in + fee) / bound - 1))


def _venue_quote(venue: str, fill: Fill | InsufficientLiquidity | None) -> VenueQuote:
    if isinstance(fill, Fill):
        swaps, fee = fill.swaps, fill.fee
        value = None if fee is None else fee.value
        # As `VenueQuote(...)` in half of its time: each order makes one for each venue.
        return tuple.__new__(VenueQuote, (venue, swaps[0].amount_in, swaps[-1].amount_out, None, value))
    return VenueQuote(venue, None, None, "no_route" if fill is None else fill.code)
