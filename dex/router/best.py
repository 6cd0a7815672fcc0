"""The best route for a request: a split or a path of one venue, and within what its owner allows for the network."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import NamedTuple

from dex.costs import NetworkFee
from dex.errors import AmountTooSmall, InsufficientLiquidity, NoRoute
from dex.execution import buy
from dex.pools import Pool
from dex.router.market import Market
from dex.router.net.fees import FeeTable
from dex.router.refusal import too_small
from dex.router.split import find_split
from dex.router.split_values import Split, SplitOrder
from dex.router.time_limit import TimeLimit
from dex.router.venue_paths import Fill
from dex.types import PPM, Hop, Route, Side, SwapRequest

# Searches with fewer swaps for a route that costs too much. What routes cost falls by about as much with each swap, so
# the second is rarely needed.
TRIES = 3


class Found(NamedTuple):
    """A route, the pools after it, the bound on any route (atoms, net; None where unknown), and its network fee."""

    route: Route
    pools_after: tuple[Pool, ...]
    bound: float | None
    network_fee: NetworkFee | None


class Search(NamedTuple):
    """Where a request is routed: by which venues, at what fees, beside what each venue gives alone, and until when."""

    market: Market
    request: SwapRequest
    venues: frozenset[str]
    fees: FeeTable | None
    alone: Sequence[Fill | InsufficientLiquidity]
    time_limit: TimeLimit

    @property
    def fills(self) -> list[Fill]:
        """The paths of venues that alone could do it."""
        return [fill for fill in self.alone if isinstance(fill, Fill)]


def best_route(search: Search) -> Found:
    """The best route at any cost. Raises: NoRoute, InsufficientLiquidity."""
    return _best(search, search.request.max_swaps)


def best_beside(search: Search, found: Found) -> Found:
    """A route that was found, or a path of one venue where rounding makes that better."""
    return _better(search, found, _best_fill(search, search.request.max_swaps))


def within_fee(search: Search, best: Found, most_cost: Callable[[Route], int] | None) -> Found | None:
    """Where the best route may cost more than the request allows, the best one found that may not; else None.

    What it leaves is less by the request's slippage at most: more would cost more than the fees saved. Its bound
    is that of routes at any cost.
    """
    most, side = search.request.max_network_fee, search.request.side
    if most is None:
        return None

    def cost(found: Found) -> int:
        expected = 0 if found.network_fee is None else found.network_fee.amount
        return max(expected, 0 if most_cost is None else most_cost(found.route))

    if cost(best) <= most:
        return None
    found = _with_fewer_swaps(search, best, most, cost)
    if found is None:
        paths = [_of_path(search.market, search.request, fill, None) for fill in search.fills]
        paths = [path for path in paths if cost(path) <= most]
        found = max(paths, key=lambda path: net_of(side, path), default=None)
    net = net_of(side, best)
    if found is None or net_of(side, found) < net - abs(net) * search.request.max_slippage_ppm // PPM:
        return None
    return found._replace(bound=best.bound)


def _with_fewer_swaps(search: Search, best: Found, most: int, cost: Callable[[Found], int]) -> Found | None:
    """A route that may cost `most`, with about as many swaps as that pays for; None where a few searches find none."""
    found = best
    for _ in range(TRIES):
        swaps = len(found.route.hops)
        # Not too few: a part of what a route costs does not depend on the number of swaps.
        count = min(swaps - 1, swaps * most // cost(found))
        if count < 1 or search.time_limit.is_over():
            return None
        try:
            found = _best(search, count)
        except (InsufficientLiquidity, NoRoute):
            return None
        if cost(found) <= most:
            return found
    return None


def order_of(search: Search, max_swaps: int | None) -> SplitOrder:
    """The question to the search for a split. Raises: NoRoute where no venue is allowed."""
    request, venues, fees = search.request, search.venues, search.fees
    if not venues:
        raise NoRoute("none of the venues you allow has pools here")
    return SplitOrder(
        request.token_in,
        request.token_out,
        request.side,
        request.amount,
        max_swaps=max_swaps,
        max_hops=request.max_hops,
        max_legs=request.max_legs,
        allow_venues=venues if len(venues) < len(search.market.venues) else frozenset(),
        deny_tokens=request.deny_tokens,
        time_limit=search.time_limit,
        costs=None if fees is None else fees.costs,
        native_price=None if fees is None else fees.price,
    )


def _best(search: Search, max_swaps: int | None) -> Found:
    """The split, or a single path of one venue where rounding, which is all on tiny amounts, makes that better."""
    market, request = search.market, search.request
    order = order_of(search, max_swaps)
    single = _best_fill(search, max_swaps)
    try:
        found = of_split(market, request, find_split(market.compiled, order))
    except (InsufficientLiquidity, NoRoute) as refusal:
        if single is None:
            is_too_small = search.alone and all(isinstance(fill, AmountTooSmall) for fill in search.alone)
            raise (too_small(order) if is_too_small else refusal) from None
        return _of_path(market, request, single, None)
    return _better(search, found, single)


def _best_fill(search: Search, max_swaps: int | None) -> Fill | None:
    best: Fill | None = None
    for fill in search.alone:
        if isinstance(fill, InsufficientLiquidity) or (max_swaps is not None and len(fill.path) > max_swaps):
            continue
        if best is None or fill.net > best.net:
            best = fill
    return best


def _better(search: Search, found: Found, single: Fill | None) -> Found:
    if single is not None and single.net > net_of(search.request.side, found):
        return _of_path(search.market, search.request, single, found.bound)
    return found


def of_split(market: Market, request: SwapRequest, split: Split) -> Found:
    """The split as a chain would execute it.

    Plans for a fixed output are found by selling where they use up a pool; a chain buys, last swap first, which may
    cost an atom less or be refused. Raises: InsufficientLiquidity.
    """
    hops = split.swaps
    route = Route(request.token_in, request.token_out, hops)
    if request.side is Side.EXACT_IN:
        return Found(route, split.pools_after, split.bound, split.network_fee)
    pools = {hop.pool_id: market.pool(hop.pool_id) for hop in hops}
    route = replace(route, hops=buy(pools, route, request.amount, market.now))
    return Found(route, tuple(pools.values()), split.bound, split.network_fee)


def net_of(side: Side, found: Found) -> int:
    """What a route is worth, more is better: its output less the fee, or minus its input and the fee."""
    route, fee = found.route, found.network_fee
    gross = route.amount_out if side is Side.EXACT_IN else -route.amount_in
    return gross if fee is None else gross - (fee.value or 0)


def _of_path(market: Market, request: SwapRequest, fill: Fill, bound: float | None) -> Found:
    hops = []
    for edge, swap in zip(fill.path, fill.swaps, strict=True):
        pool = swap.pool_after
        hops.append(Hop(pool.venue, pool.pool_id, *market.compiled.edge_tokens[edge], swap.amount_in, swap.amount_out))
    route = Route(request.token_in, request.token_out, tuple(hops))
    return Found(route, tuple(swap.pool_after for swap in fill.swaps), bound, fill.fee)
