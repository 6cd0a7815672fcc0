"""From the best fill to a promise: comparison, price impact, the limits the chain will enforce, and the guards."""

from dataclasses import dataclass

from dex.errors import AmountTooSmall, DexError, InsufficientLiquidity, LimitNotMet, PriceImpactExceeded
from dex.pools import Pool
from dex.router.market import Market
from dex.router.search import ALL, Fill, Findings, allowed_paths, allowed_venues, largest_fill, search
from dex.types import PPM, Hop, Quote, Route, Side, SwapRequest, VenueQuote


@dataclass(frozen=True, slots=True)
class Routed:
    """A quote, and the pools as its route would leave them."""

    quote: Quote
    pools_after: tuple[Pool, ...]


def find_route(market: Market, request: SwapRequest) -> Routed:
    """The best route for a request, guarded and with its limits.

    Raises: NoRoute, InsufficientLiquidity, AmountTooSmall, PriceImpactExceeded, LimitNotMet.
    """
    paths = allowed_paths(market, request)
    findings = search(market, request, paths)
    fill = findings.fills.get(ALL)
    if fill is None:
        largest = largest_fill(market, request, paths)
        raise _too_small_or_large(request, largest, findings.refusals[ALL])
    quote = _quote(market, request, fill, _venue_quotes(market, request, findings))
    _check_limits(request, quote)
    return Routed(quote, tuple(swap.pool_after for swap in fill.swaps))


def _quote(market: Market, request: SwapRequest, fill: Fill, venue_quotes: tuple[VenueQuote, ...]) -> Quote:
    marginal, mid, hops = 1.0, 1.0, []
    for number, swap in zip(fill.path.edges, fill.swaps, strict=True):
        edge = market.graph.edges[number]
        pool = market.pools[edge.pool]
        price = pool.marginal_price(edge.token_in, edge.token_out, market.now)
        marginal *= price
        mid *= price / (1 - pool.fee_ppm(edge.token_in, market.now) / PPM)
        hops.append(Hop(pool.venue, pool.pool_id, edge.token_in, edge.token_out, swap.amount_in, swap.amount_out))
    amount_in, amount_out = fill.amount_in, fill.amount_out
    min_amount_out, max_amount_in = _limits(request, amount_in, amount_out)
    return Quote(
        route=Route(request.token_in, request.token_out, tuple(hops)),
        amount_in=amount_in,
        amount_out=amount_out,
        min_amount_out=min_amount_out,
        max_amount_in=max_amount_in,
        mid_amount_out=int(amount_in * mid),
        price_impact_ppm=max(0, round(PPM * (1 - amount_out / (amount_in * marginal)))),
        venue_quotes=venue_quotes,
        snapshot_version=market.version,
    )


def _limits(request: SwapRequest, amount_in: int, amount_out: int) -> tuple[int, int]:
    """`min_amount_out` and `max_amount_in`: slippage or the owner's limit, the stricter, rounded the owner's way."""
    if request.side is Side.EXACT_IN:
        floor = -(-amount_out * (PPM - request.max_slippage_ppm) // PPM)
        return max(floor, request.min_amount_out or 0), amount_in
    ceiling = amount_in * (PPM + request.max_slippage_ppm) // PPM
    return amount_out, ceiling if request.max_amount_in is None else min(ceiling, request.max_amount_in)


def _check_limits(request: SwapRequest, quote: Quote) -> None:
    impact, max_impact = quote.price_impact_ppm, request.max_price_impact_ppm
    if max_impact is not None and impact > max_impact:
        raise PriceImpactExceeded(
            f"the order moves the price of {request.token_in} in {request.token_out} by {_percent(impact)}, "
            f"your limit is {_percent(max_impact)}",
            price_impact_ppm=impact,
            max_price_impact_ppm=max_impact,
        )
    if request.min_amount_out is not None and quote.amount_out < request.min_amount_out:
        raise LimitNotMet(
            f"the best route pays less {request.token_out} than your min_amount_out",
            token=request.token_out,
            amount_out=str(quote.amount_out),
            min_amount_out=str(request.min_amount_out),
        )
    if request.max_amount_in is not None and quote.amount_in > request.max_amount_in:
        raise LimitNotMet(
            f"the best route costs more {request.token_in} than your max_amount_in",
            token=request.token_in,
            amount_in=str(quote.amount_in),
            max_amount_in=str(request.max_amount_in),
        )


def _venue_quotes(market: Market, request: SwapRequest, findings: Findings) -> tuple[VenueQuote, ...]:
    quotes = []
    for venue in sorted(allowed_venues(market, request)):
        fill = findings.fills.get(venue)
        if fill is not None:
            quotes.append(VenueQuote(venue, fill.amount_in, fill.amount_out))
        else:
            refusal = findings.refusals.get(venue)
            quotes.append(VenueQuote(venue, None, None, refusal.code if refusal else "no_route"))
    return tuple(quotes)


def _too_small_or_large(request: SwapRequest, largest: int, refusal: InsufficientLiquidity) -> DexError:
    fixed = request.token_in if request.side is Side.EXACT_IN else request.token_out
    if not largest and isinstance(refusal, AmountTooSmall):
        return AmountTooSmall(f"the amount of {fixed} is so small that rounding would leave nothing of it", token=fixed)
    verb = "take" if request.side is Side.EXACT_IN else "pay out"
    return InsufficientLiquidity(
        f"no path from {request.token_in} to {request.token_out} can {verb} that much {fixed}",
        hint="Send a smaller amount or split the order",
        token=fixed,
        largest_amount=str(largest),
    )


def _percent(ppm: int) -> str:
    return f"{ppm / 10_000:.2f} %"
