"""Price impact of an order: by its size along the pools' curves, and by rounding to whole atoms."""

from __future__ import annotations

from typing import Final, NamedTuple

from dex.legs import legs_of
from dex.router.graph.compiled import CompiledMarket
from dex.router.graph.edge_curves import sell
from dex.router.market import Market
from dex.types import PPM, Hop, Leg, Route

# Atoms of either token that rounding may cost in one pool: one or two a step. A curve may lie above what its pool pays
# where the fee moves along the way; what is more than this is counted as size.
ROUNDING_ATOMS: Final = 100


class Worsening(NamedTuple):
    """By how much an order's price is below the marginal prices before it, as shares: in all, and by size alone.

    Both prices are atoms out per atom in before the order, of its legs by their shares: `mid` without fees, `marginal`
    after them.
    """

    mid: float
    marginal: float
    total: float
    by_size: float

    @property
    def price_impact_ppm(self) -> int:
        """By size alone, before anything is rounded to atoms."""
        return _ppm(self.by_size)

    @property
    def total_ppm(self) -> int:
        """By size and by rounding."""
        return _ppm(self.total)


def worsening_of(market: Market, route: Route, amount_in: int, amount_out: int) -> Worsening:
    """Compare the quoted amounts of a route with the prices of its legs before it, each by its share of the input."""
    priced = [(leg.amount_in / route.amount_in, _leg_prices(market, leg)) for leg in legs_of(route)]
    marginal = sum(share * prices.marginal for share, prices in priced)
    mid = sum(share * prices.mid for share, prices in priced)
    token_prices: dict[str, float] = {}  # of an atom of each token on the way, in atoms of token_out
    for _, prices in priced:
        for token, price in prices.by_token.items():
            token_prices[token] = max(token_prices.get(token, 0.0), price)
    lost = sum(_rounded_off(market.compiled, hop) * token_prices.get(hop.token_out, 0.0) for hop in route.hops)
    fair = amount_in * marginal
    return Worsening(mid, marginal, 1 - amount_out / fair, 1 - (amount_out + lost) / fair)


class _LegPrices(NamedTuple):
    """Atoms out per atom in of an infinitesimal order along a leg, after fees and without; `by_token` on the way."""

    marginal: float
    mid: float
    by_token: dict[str, float]


def _leg_prices(market: Market, leg: Leg) -> _LegPrices:
    marginal = mid = 1.0
    by_token = {leg.hops[-1].token_out: 1.0}
    for hop in reversed(leg.hops):
        pool = market.pool(hop.pool_id)
        price = pool.marginal_price(hop.token_in, hop.token_out, market.now)
        marginal *= price
        mid *= price / (1 - pool.fee_ppm(hop.token_in, market.now) / PPM)
        by_token[hop.token_in] = marginal
    return _LegPrices(marginal, mid, by_token)


def _rounded_off(market: CompiledMarket, hop: Hop) -> float:
    """Atoms that a hop would pay more if neither its input nor its output were whole."""
    tokens = (hop.token_in, hop.token_out)
    edges = market.edges_of_pool[market.position[hop.pool_id]]
    edge = next(edge for edge in edges if market.edge_tokens[edge] == tokens)
    most = ROUNDING_ATOMS * (1 + market.price.item(edge))
    return min(max(sell(market, edge, hop.amount_in).paid - hop.amount_out, 0.0), most)


def _ppm(share: float) -> int:
    return max(0, round(PPM * share))
