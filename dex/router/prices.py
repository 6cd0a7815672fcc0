"""Prices of pairs on one market, without an order: for what waits until they are reached."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fractions import Fraction

from dex.costs import TokenPair
from dex.pools import Pool
from dex.prices import MarketPrices, PairPrice
from dex.router.marginal import marginal_prices
from dex.router.market import Market
from dex.router.pair_pools import pair_pools
from dex.router.reference import mid_prices


def market_prices(
    market: Market, pairs: Iterable[TokenPair] | None, pools_of: Sequence[TokenPair] = (), pools: Sequence[Pool] = ()
) -> MarketPrices:
    """Marginal and mid prices of pairs (token_in, token_out), and the pools of those of `pools_of`.

    None in place of pairs: all that a pool trades directly, in the order of their names.
    `pools` are all of the chain, also of venues that are not traded on.
    """
    if pairs is None:
        pairs = sorted(set(market.compiled.edge_tokens))
    numbers, pairs = market.compiled.token_number, dict.fromkeys(pairs)
    ends = {(a, b): (numbers[a], numbers[b]) for a, b in pairs if a != b and a in numbers and b in numbers}
    marginal = marginal_prices(market.compiled, ends.values())
    mid = mid_prices(market.compiled, ends.values())
    by_pair = dict.fromkeys(pairs, PairPrice(None, None))
    for pair, of_pair in ends.items():
        by_pair[pair] = PairPrice(_exact(marginal[of_pair]), _exact(mid[of_pair]))
    of_pairs = pair_pools(market.compiled.pools, pools_of, market.now)
    return MarketPrices(market.version, market.now, by_pair, of_pairs, frozenset(pool.pool_id for pool in pools))


def _exact(price: float) -> Fraction | None:
    return Fraction(price) if price > 0 else None
