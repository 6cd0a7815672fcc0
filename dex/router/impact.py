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
    sold, marginal, mid = route.amount_in, 0.0, 0.0
    token_prices: dict[str, float] = {}  # of an atom of each token on the way, in atoms of token_out
    for leg in legs_of(route):
        share = leg.amount_in / sold
        of_leg, mid_of_leg = _leg_prices(market, leg, token_prices)
        marginal += share * of_leg
        mid += share * mid_of_leg
    lost = 0.0
    for hop in route.hops:
        lost += _rounded_off(market.compiled, hop) * token_prices.get(hop.token_out, 0.0)
    fair = amount_in * marginal
    return Worsening(mid, marginal, 1 - amount_out / fair, 1 - (amount_out + lost) / fair)


def _leg_prices(market: Market, leg: Leg, token_prices: dict[str, float]) -> tuple[float, float]:
    """Atoms out per atom in of an infinitesimal order along a leg, after fees and without.

    Raises those of tokens on the way to the best of all legs.
    """
    marginal, mid, now = 1.0, 1.0, market.now
    token_prices[leg.hops[-1].token_out] = 1.0
    for hop in reversed(leg.hops):
        token_in, pool = hop.token_in, market.pool(hop.pool_id)
        price = pool.marginal_price(token_in, hop.token_out, now)
        marginal *= price
        mid *= price / (1 - pool.fee_ppm(token_in, now) / PPM)
        if marginal > token_prices.get(token_in, 0.0):
            token_prices[token_in] = marginal
    return marginal, mid


def _rounded_off(market: CompiledMarket, hop: Hop) -> float:
    """Atoms that a hop would pay more if neither its input nor its output were whole."""
    tokens = (hop.token_in, hop.token_out)
    for edge in market.edges_of_pool[market.position[hop.pool_id]]:
        if market.edge_tokens[edge] == tokens:
            break
    most = ROUNDING_ATOMS * (1 + market.price.item(edge))
    return min(max(sell(market, edge, hop.amount_in).paid - hop.amount_out, 0.0), most)


def _ppm(share: float) -> int:
    return max(0, round(PPM * share))
