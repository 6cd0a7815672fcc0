"""The pools that trade a pair by themselves, for orders that wait until there is one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from dex.costs import TokenPair
from dex.pools import Pool
from dex.prices import PairPool
from dex.venues import WRAPPING


def pair_pools(pools: Sequence[Pool], pairs: Iterable[TokenPair], now: int) -> dict[TokenPair, tuple[PairPool, ...]]:
    """Of each pair (token_in, token_out) the pools that swap the one for the other now, by their ids.

    A pool that has nothing of one of them, or gives nothing for token_in, is none. A chain's own token and the one that
    wraps it count as one.
    """
    twins = _twins(pools)
    found = {}
    for pair in pairs:
        of_pair = (found_pool for pool in pools if (found_pool := _pair_pool(pool, pair, twins, now)) is not None)
        found[pair] = tuple(sorted(of_pair, key=lambda pool: pool.pool_id))
    return found


def _twins(pools: Iterable[Pool]) -> Mapping[str, frozenset[str]]:
    """What each token that is wrapped, or wraps another, is interchangeable with."""
    return {token: frozenset(pool.tokens) for pool in pools if pool.venue == WRAPPING.name for token in pool.tokens}


def _pair_pool(pool: Pool, pair: TokenPair, twins: Mapping[str, frozenset[str]], now: int) -> PairPool | None:
    if pool.venue == WRAPPING.name:
        return None
    ends = []
    for token in pair:
        names = {token} | twins.get(token, frozenset())
        end = next((name for name in pool.tokens if name in names), None)
        if end is None:
            return None
        ends.append(end)
    token_in, token_out = ends
    if token_in == token_out or pool.marginal_price(token_in, token_out, now) <= 0:
        return None
    balances = pool.balances()
    held_in, held_out = balances[token_in], balances[token_out]
    if held_in <= 0 or held_out <= 0:
        return None
    return PairPool(pool.pool_id, pool.venue, pool.tokens, held_in, held_out)
