"""From the best split to a promise: comparison, price impact, the limits the chain will enforce, and the guards."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

from dex.errors import AmountTooSmall, InsufficientLiquidity, LimitNotMet, NoRoute, PriceImpactExceeded
from dex.execution import buy
from dex.pools import Pool
from dex.router.impact import Worsening, worsening_of
from dex.router.market import Market
from dex.router.refusal import too_small
from dex.router.split import find_split
from dex.router.split_values import Split, SplitOrder
from dex.router.venue_paths import Fill, best_fill
from dex.types import PPM, Hop, Quote, Route, Side, SwapRequest, VenueQuote

BASIS_POINTS = 10_000
LOWER_MINIMUM = "Lower guards.min_amount_out: the market pays facts.amount_out atoms now; or wait for a better price"
RAISE_MAXIMUM = "Raise guards.max_amount_in: the market asks facts.amount_in atoms now; or wait for a better price"
# By how much a promise may seem to pass its bound: floats, and atoms that programs round in the trader's favour.
BOUND_ERROR = 1e-9
ROUNDING_ATOMS = 2

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Routed:
    """A quote, and the pools as its route would leave them."""

    quote: Quote
    pools_after: tuple[Pool, ...]


@dataclass(frozen=True, slots=True)
class Found:
    """A route with what it leaves, and the bound that no route of any shape beats (atoms; None where unknown)."""

    route: Route
    pools_after: tuple[Pool, ...]
    bound: float | None


def find_route(market: Market, request: SwapRequest, deadline_ms: float | None = None) -> Routed:
    """The best route for a request, or the best found within the deadline, guarded and with its limits.

    Raises: NoRoute, InsufficientLiquidity, AmountTooSmall, PriceImpactExceeded, LimitNotMet.
    """
    started = time.perf_counter()
    venues = allowed_venues(market, request)
    alone = {venue: best_fill(market.compiled, request, market.paths.of(venue, request)) for venue in sorted(venues)}
    left_ms = None if deadline_ms is None else max(0.0, deadline_ms - (time.perf_counter() - started) * 1_000)
    found = _best(market, request, left_ms, venues, [fill for fill in alone.values() if fill is not None])
    amount_in = found.route.amount_in
    # What an exact-out plan pays above the amount, where it has to, is not promised.
    amount_out = found.route.amount_out if request.side is Side.EXACT_IN else request.amount
    worsening = worsening_of(market, found.route, amount_in, amount_out)
    venue_quotes = tuple(_venue_quote(venue, fill) for venue, fill in alone.items())
    quote = _quote(market, request, found, (amount_in, amount_out), worsening, venue_quotes)
    _check_impact(request, worsening)
    _check_limits(request, quote)
    return Routed(quote, found.pools_after)


def allowed_venues(market: Market, request: SwapRequest) -> frozenset[str]:
    """The market's venues that the request permits."""
    venues = request.allow_venues & set(market.venues) if request.allow_venues else frozenset(market.venues)
    return venues - request.deny_venues


def _best(
    market: Market,
    request: SwapRequest,
    deadline_ms: float | None,
    venues: frozenset[str],
    alone: Sequence[Fill | InsufficientLiquidity],
) -> Found:
    """The split, or a single path of one venue where rounding, which is all on tiny amounts, makes that better."""
    if not venues:
        raise NoRoute("none of the venues you allow has pools here")
    order = SplitOrder(
        request.token_in,
        request.token_out,
        request.side,
        request.amount,
        max_swaps=request.max_swaps,
        max_hops=request.max_hops,
        max_legs=request.max_legs,
        allow_venues=venues if len(venues) < len(market.venues) else frozenset(),
        deny_tokens=request.deny_tokens,
        deadline_ms=deadline_ms,
    )
    fills = [fill for fill in alone if isinstance(fill, Fill)]
    single = max(fills, key=lambda fill: _score(request.side, fill), default=None)
    try:
        found = _of_split(market, request, find_split(market.compiled, order))
    except (InsufficientLiquidity, NoRoute) as refusal:
        if single is None:
            is_too_small = alone and all(isinstance(fill, AmountTooSmall) for fill in alone)
            raise (too_small(order) if is_too_small else refusal) from None
        return _of_path(market, request, single, None)
    if single is not None and _score(request.side, single) > _score(request.side, found.route):
        return _of_path(market, request, single, found.bound)
    return found


def _of_split(market: Market, request: SwapRequest, split: Split) -> Found:
    """The split as a chain would execute it.

    Plans for a fixed output are found by selling where they use up a pool; a chain buys, last swap first, which may
    cost an atom less or be refused. Raises: InsufficientLiquidity.
    """
    hops = tuple(
        Hop(swap.venue, swap.pool_id, swap.token_in, swap.token_out, swap.amount_in, swap.amount_out)
        for swap in split.swaps
    )
    route = Route(request.token_in, request.token_out, hops)
    if request.side is Side.EXACT_IN:
        return Found(route, split.pools_after, split.bound)
    pools = {hop.pool_id: market.pool(hop.pool_id) for hop in hops}
    return Found(replace(route, hops=buy(pools, route, request.amount, market.now)), tuple(pools.values()), split.bound)


def _score(side: Side, found: Fill | Route) -> int:
    return found.amount_out if side is Side.EXACT_IN else -found.amount_in


def _of_path(market: Market, request: SwapRequest, fill: Fill, bound: float | None) -> Found:
    hops = []
    for edge, swap in zip(fill.path, fill.swaps, strict=True):
        pool = swap.pool_after
        hops.append(Hop(pool.venue, pool.pool_id, *market.compiled.edge_tokens[edge], swap.amount_in, swap.amount_out))
    route = Route(request.token_in, request.token_out, tuple(hops))
    return Found(route, tuple(swap.pool_after for swap in fill.swaps), bound)


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
    bound, gap_bps = _certificate(is_exact_in, amount_in, amount_out, found.bound, len(found.route.hops))
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
    )


def _certificate(
    is_exact_in: bool, amount_in: int, amount_out: int, bound: float | None, swaps: int
) -> tuple[int | None, float | None]:
    """The bound in whole atoms, rounded so that it stays one, and the distance of what is promised from it."""
    if bound is None or not 0 < bound < math.inf:
        return None, None
    beyond = amount_out - bound if is_exact_in else bound - amount_in
    if beyond > BOUND_ERROR * bound + ROUNDING_ATOMS * swaps:
        logger.error("a route passes its bound %r: %d in, %d out", bound, amount_in, amount_out)
        return None, None
    if is_exact_in:
        return math.ceil(bound), max(0.0, BASIS_POINTS * (bound / amount_out - 1))
    return math.floor(bound), max(0.0, BASIS_POINTS * (amount_in / bound - 1))


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
        return VenueQuote(venue, fill.amount_in, fill.amount_out)
    return VenueQuote(venue, None, None, "no_route" if fill is None else fill.code)


def _percent(ppm: int) -> str:
    return f"{ppm / 10_000:.2f} %"
