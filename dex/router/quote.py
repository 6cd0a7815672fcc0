"""From the best split to a quote: comparison by venue, price impact, limits that the chain will enforce, guards."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

import numpy as np

from dex.errors import AmountTooSmall, InsufficientLiquidity, LimitNotMet, PriceImpactExceeded
from dex.pools import Pool
from dex.router.best import Found, Search, best_route, within_fee
from dex.router.impact import Worsening, worsening_of
from dex.router.market import Market
from dex.router.net.costs import native_price
from dex.router.net.fees import FeeTable
from dex.router.venue_paths import Fill, best_fill
from dex.types import PPM, Quote, Route, Side, SwapRequest, VenueQuote

BASIS_POINTS = 10_000
LOWER_MINIMUM = "Lower guards.min_amount_out: the market pays facts.amount_out atoms now; or wait for a better price"
RAISE_MAXIMUM = "Raise guards.max_amount_in: the market asks facts.amount_in atoms now; or wait for a better price"
# By how much quoted amounts may pass the bound: floats, and atoms that programs round in the trader's favour.
BOUND_ERROR = 1e-9
ROUNDING_ATOMS = 2

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Routed:
    """A quote, and the pools as its route would leave them."""

    quote: Quote
    pools_after: tuple[Pool, ...]


def find_route(
    market: Market,
    request: SwapRequest,
    deadline_ms: float | None = None,
    most_cost: Callable[[Route], int] | None = None,
) -> Routed:
    """The best route for a request, or the best found within the deadline, guarded and with its limits.

    Where it may cost more than `max_network_fee`, one found that may not takes its place (`within_fee`); without one it
    stays. What counts is what is expected to be paid, or `most_cost` where that is more.
    Raises: NoRoute, InsufficientLiquidity, AmountTooSmall, PriceImpactExceeded, LimitNotMet.
    """
    ends_at = math.inf if deadline_ms is None else time.perf_counter() + deadline_ms / 1_000
    venues = allowed_venues(market, request)
    fees = _fees(market, request)
    compiled, paths = market.compiled, market.paths
    alone = {venue: best_fill(compiled, request, paths.of(venue, request, compiled), fees) for venue in sorted(venues)}
    fills = [fill for fill in alone.values() if fill is not None]
    search = Search(market, request, venues, fees, fills, ends_at)
    venue_quotes = tuple(_venue_quote(venue, fill) for venue, fill in alone.items())
    best = best_route(search)
    cheaper = within_fee(search, best, most_cost)
    if cheaper is not None:
        with suppress(AmountTooSmall, PriceImpactExceeded, LimitNotMet):
            return _guarded(market, request, cheaper, venue_quotes)
    return _guarded(market, request, best, venue_quotes)


def _guarded(market: Market, request: SwapRequest, found: Found, venue_quotes: tuple[VenueQuote, ...]) -> Routed:
    """The quote of a route. Raises: AmountTooSmall, PriceImpactExceeded, LimitNotMet."""
    amount_in = found.route.amount_in
    # What an exact-out plan pays above the amount, where it has to, is not part of the quote.
    amount_out = found.route.amount_out if request.side is Side.EXACT_IN else request.amount
    worsening = worsening_of(market, found.route, amount_in, amount_out)
    quote = _quote(market, request, found, (amount_in, amount_out), worsening, venue_quotes)
    _check_impact(request, worsening)
    _check_limits(request, quote)
    return Routed(quote, found.pools_after)


def _fees(market: Market, request: SwapRequest) -> FeeTable | None:
    """What the chain charges at the request's strategy; None where it charges nothing."""
    costs = market.costs.get(request.fee_strategy)
    if costs is None:
        return None
    token = request.token_out if request.side is Side.EXACT_IN else request.token_in
    with np.errstate(all="ignore"):
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
    min_amount_out, max_amount_in = _limits(request, amount_in, amount_out)
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


def _limits(request: SwapRequest, amount_in: int, amount_out: int) -> tuple[int, int]:
    """`min_amount_out` and `max_amount_in`: slippage or the owner's limit, the stricter, rounded the owner's way."""
    if request.side is Side.EXACT_IN:
        floor = -(-amount_out * (PPM - request.max_slippage_ppm) // PPM)
        return max(floor, request.min_amount_out or 0), amount_in
    ceiling = amount_in * (PPM + request.max_slippage_ppm) // PPM
    return amount_out, ceiling if request.max_amount_in is None else min(ceiling, request.max_amount_in)


def _check_impact(request: SwapRequest, worsening: Worsening) -> None:
    """The guard on the price: what size costs is price impact, what rounding costs beside it makes an amount too small.

    Raises: PriceImpactExceeded, AmountTooSmall.
    """
    impact, total, most = worsening.price_impact_ppm, worsening.total_ppm, request.max_price_impact_ppm
    if most is None or max(impact, total) <= most:
        return
    if impact > most:
        raise PriceImpactExceeded(
            f"the order moves the price of {request.token_in} in {request.token_out} by {_percent(impact)}, "
            f"your limit is {_percent(most)}",
            price_impact_ppm=impact,
            max_price_impact_ppm=most,
        )
    fixed = request.token_in if request.side is Side.EXACT_IN else request.token_out
    raise AmountTooSmall(
        f"the amount of {fixed} is so small that rounding to whole units takes {_percent(total - impact)} of it, "
        f"your limit on the price is {_percent(most)}",
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


def _venue_quote(venue: str, fill: Fill | InsufficientLiquidity | None) -> VenueQuote:
    if isinstance(fill, Fill):
        value = None if fill.fee is None else fill.fee.value
        return VenueQuote(venue, fill.amount_in, fill.amount_out, None, value)
    return VenueQuote(venue, None, None, "no_route" if fill is None else fill.code)


def _percent(ppm: int) -> str:
    return f"{ppm / 10_000:.2f} %"
