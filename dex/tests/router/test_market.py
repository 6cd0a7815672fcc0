"""A market that follows what happens equals a new one, to the last bit, and gives the same routes."""

import random
from contextlib import suppress

import numpy as np
import pytest

from dex import execution
from dex.chains.simulated.market import default_market
from dex.errors import DexError, InsufficientLiquidity
from dex.pools import Pool, Swap
from dex.router import Market, find_route
from dex.router.graph import compiled
from dex.router.graph.compiled import CompiledMarket
from dex.testing import NOW
from dex.types import Hop, Side, SwapRequest

DEFAULT = default_market()


def moved(seed: int, trades: int = 60, share: float = 0.001) -> dict[str, Pool]:
    """The default market's pools after random trades of up to a share of what they hold."""
    wishes, pools = random.Random(seed), {pool.pool_id: pool for pool in DEFAULT.pools}
    for _ in range(trades):
        pool = pools[wishes.choice(sorted(pools))]
        token_in, token_out = wishes.sample(pool.tokens, 2)
        amount = int(pool.balances()[token_in] * wishes.uniform(0, share))
        with suppress(DexError):
            execution.swap(pools, Hop(pool.venue, pool.pool_id, token_in, token_out, amount, 0), amount, True, NOW)
    return pools


def requests(seed: int, count: int) -> list[SwapRequest]:
    wishes, asked = random.Random(seed), []
    for _ in range(count):
        token_in, token_out = wishes.sample(sorted(DEFAULT.values), 2)
        side = wishes.choice(list(Side))
        fixed = token_in if side is Side.EXACT_IN else token_out
        asked.append(
            SwapRequest(token_in, token_out, side, int(10 ** wishes.uniform(1, 6) / DEFAULT.values[fixed]), 5_000)
        )
    return asked


def assert_same(one: CompiledMarket, other: CompiledMarket) -> None:
    for name in ("tail", "head", "pool", "count", "price", "capacity", "steepness", "pair_price"):
        assert np.array_equal(getattr(one, name), getattr(other, name)), name
    for edge in range(one.edge_count):
        mine, theirs = (slice(m.first[edge], m.first[edge] + m.count[edge]) for m in (one, other))
        assert np.array_equal(one.table[:, mine], other.table[:, theirs]), one.edge_tokens[edge]
        assert np.array_equal(one.family[mine], other.family[theirs])
        assert np.array_equal(one.before[mine], other.before[theirs])


def answers(market: Market, asked: list[SwapRequest]) -> list[object]:
    found: list[object] = []
    for request in asked:
        try:
            found.append(find_route(market, request).quote)
        except DexError as error:
            found.append((error.code, error.facts))
    return found


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(2))
def test_a_market_that_follows_equals_a_new_one(seed: int) -> None:
    later, now = tuple(moved(seed).values()), NOW + 60
    followed = Market(DEFAULT.pools, NOW, 1)
    fresh = Market(later, now, 2)

    followed.follow(later, now, 2)

    assert_same(followed.compiled, fresh.compiled)
    assert answers(followed, requests(seed, 10)) == answers(fresh, requests(seed, 10))


def test_a_market_moved_on_pool_by_pool_equals_a_new_one() -> None:
    pools = {pool.pool_id: pool for pool in DEFAULT.pools}
    market, wishes = Market(DEFAULT.pools, NOW, 1), random.Random(7)
    for request in requests(7, 40):
        with suppress(DexError):
            routed = find_route(market, request)
            market.apply(routed.pools_after)
            pools |= {pool.pool_id: pool for pool in routed.pools_after}
        if wishes.random() < 0.1:
            assert_same(market.compiled, CompiledMarket([pools[name] for name in sorted(pools)], NOW))

    assert_same(market.compiled, CompiledMarket([pools[name] for name in sorted(pools)], NOW))


def test_a_copy_moves_on_alone() -> None:
    market = Market(DEFAULT.pools, NOW, 1)
    market.compiled.buying()
    twin = market.copy()
    other = market.copy()

    twin.apply(moved(1).values())
    market.apply(moved(2).values())
    assert_same(other.compiled.buying(), Market(DEFAULT.pools, NOW, 1).compiled.buying())
    market.apply(DEFAULT.pools)

    assert_same(market.compiled, Market(DEFAULT.pools, NOW, 1).compiled)
    assert_same(market.compiled.buying(), Market(DEFAULT.pools, NOW, 1).compiled.buying())
    assert not np.array_equal(twin.compiled.price, market.compiled.price)


def test_what_a_swap_does_is_known_until_its_pool_changes() -> None:
    market, edge = CompiledMarket(DEFAULT.pools, NOW), 0
    pool = market.pools[market.edge_pools[edge]]
    amount = pool.balances()[market.edge_tokens[edge][0]] // 1_000
    before = market.swap(edge, amount, True)
    assert isinstance(before, Swap)
    assert market.swap(edge, amount, True) is before
    twin = market.copy()

    twin.apply([before.pool_after])

    assert twin.swap(edge, amount, True) == before.pool_after.swap_exact_in(*market.edge_tokens[edge], amount, NOW)
    assert market.swap(edge, amount, True) is before


def test_what_a_swap_does_is_forgotten_with_time() -> None:
    market = CompiledMarket(DEFAULT.pools, NOW)
    pool = market.pools[market.position["meteora-sol-usdc"]]  # which keeps the time of its last swap
    edge = market.edges_of_pool[market.position[pool.pool_id]][0]
    before = market.swap(edge, 10**6, True)

    market.set_time(NOW + 60)

    assert market.swap(edge, 10**6, True) == pool.swap_exact_in(*market.edge_tokens[edge], 10**6, NOW + 60) != before


def test_a_refused_swap_keeps_nothing_of_who_asked() -> None:
    market, edge = CompiledMarket(DEFAULT.pools, NOW), 0

    refused = [market.swap(edge, amount, False) for amount in (10**40, 10**40)]

    assert isinstance(refused[0], InsufficientLiquidity)
    assert refused[0] is refused[1]
    assert refused[0].__traceback__ is None


def test_only_so_many_swaps_of_a_pool_are_kept() -> None:
    market, edge = CompiledMarket(DEFAULT.pools, NOW), 0
    for amount in range(10**6, 10**6 + 100):
        market.swap(edge, amount, True)

    assert 0 < len(market._swaps[market.edge_pools[edge]]) <= compiled._KEPT_SWAPS
