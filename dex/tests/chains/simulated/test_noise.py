"""The other traders of the simulated chain."""

import random
from contextlib import suppress
from itertools import combinations, permutations

import pytest

from dex import Hop, Pool
from dex.chains.simulated.ledger import Ledger, Undone, trade
from dex.chains.simulated.noise import LEAST_GAIN, TRADERS, arbitrage, deviation, make_noise
from dex.testing import NOW, v3_pool
from dex.tests.chains.simulated.ledgers import MARKET, VALUES
from dex.types import PPM

SEED = 7
DAY_S = 86_400  # after which no fee remembers what happened before

every_pool = pytest.mark.parametrize("pool", MARKET.pools, ids=[pool.pool_id for pool in MARKET.pools])


def alone(pool: Pool) -> Ledger:
    """A chain with one pool."""
    ledger = MARKET.genesis()
    ledger.pools = {pool.pool_id: pool}
    return ledger


def noise(ledger: Ledger, trades: int, seed: int = SEED, block: int = 1, now: int = NOW) -> None:
    make_noise(ledger, VALUES, trades, seed, block, now)


def best_swap(pool: Pool, now: int) -> float:
    """What the best swap gives for a dollar, at the reference values."""
    return max(
        pool.marginal_price(token_in, token_out, now) * VALUES[token_out] / VALUES[token_in]
        for token_in, token_out in permutations(pool.tokens, 2)
    )


def pushed(pool: Pool, token_in: str, token_out: str, share: float) -> Ledger:
    """A chain whose one pool has been sold `share` of what it holds of a token."""
    ledger, amount = alone(pool), int(pool.balances()[token_in] * share)
    trade(ledger, TRADERS, Hop("", pool.pool_id, token_in, token_out, amount, 0), NOW)
    return ledger


def test_the_same_seed_and_block_make_the_same_trades() -> None:
    first, again, other_seed, other_block, nobody = (MARKET.genesis() for _ in range(5))

    noise(first, 30)
    noise(again, 30)
    noise(other_seed, 30, seed=SEED + 1)
    noise(other_block, 30, block=2)
    noise(nobody, 0)

    assert (first.pools, first.balances) == (again.pools, again.balances)
    assert first.pools != other_seed.pools != other_block.pools != first.pools
    assert (nobody.pools, nobody.balances) == (MARKET.genesis().pools, MARKET.genesis().balances)


@every_pool
def test_every_token_of_a_pool_is_traded_both_ways(pool: Pool) -> None:
    ledger = alone(pool)
    seen = {token: set[bool]() for token in pool.tokens}
    for block in range(60):
        before = ledger.pools[pool.pool_id].balances()
        noise(ledger, 1, block=block, now=NOW + block)
        for token, atoms in ledger.pools[pool.pool_id].balances().items():
            if atoms != before[token]:
                seen[token].add(atoms > before[token])

    assert all(ways == {True, False} for ways in seen.values())


@every_pool
def test_prices_stay_about_the_reference(pool: Pool) -> None:
    ledger = alone(pool)

    for block in range(150):
        noise(ledger, 2, block=block, now=NOW + block)

    after = ledger.pools[pool.pool_id]
    for first, second in combinations(pool.tokens, 2):
        off = deviation(after, first, second, VALUES, NOW + DAY_S)
        assert abs(off) < after.fee_ppm(first, NOW + DAY_S) / PPM + 0.001


@every_pool
@pytest.mark.parametrize("is_reversed", [False, True])
def test_a_price_pushed_off_comes_back(pool: Pool, is_reversed: bool) -> None:
    token_in, token_out = pool.tokens[:2][::-1] if is_reversed else pool.tokens[:2]
    ledger, now = pushed(pool, token_in, token_out, 0.25), NOW + DAY_S
    before = best_swap(ledger.pools[pool.pool_id], now)

    for block in range(40):
        noise(ledger, 2, block=block, now=now + DAY_S * block)

    after = best_swap(ledger.pools[pool.pool_id], now + 40 * DAY_S)
    assert after < 1 + max(0.001, (before - 1) / 10)


def test_a_pool_that_was_sold_out_is_filled_again() -> None:
    price = VALUES["SOL"] / VALUES["USDC"]
    pool = v3_pool("narrow", ("SOL", "USDC"), -19_380, [(-19_440, -19_320, 10**14)])
    assert pool.marginal_price("SOL", "USDC", NOW) == pytest.approx(price, rel=0.01)
    ledger = alone(pool)
    lowest = pool.walk(True, 10**18, True).amount_in
    trade(ledger, TRADERS, Hop("", "narrow", "SOL", "USDC", lowest, 0), NOW)
    empty = ledger.pools["narrow"]
    assert empty.marginal_price("SOL", "USDC", NOW) == 0
    assert deviation(empty, "SOL", "USDC", VALUES, NOW) == -1
    assert deviation(empty, "USDC", "SOL", VALUES, NOW) == 1

    for block in range(20):
        noise(ledger, 2, block=block)

    assert abs(deviation(ledger.pools["narrow"], "SOL", "USDC", VALUES, NOW)) < 0.005


def test_traders_who_cannot_trade_stay_at_home() -> None:
    ledger = MARKET.genesis()
    ledger.balances = dict.fromkeys(ledger.balances, 0)
    before = ledger.copy()

    noise(ledger, 50)

    assert ledger.pools == before.pools
    assert set(ledger.balances.values()) == {0}


@pytest.mark.parametrize("seed", range(20))
def test_behind_a_block_nobody_gains_by_going_against_its_orders(seed: int) -> None:
    ledger, wishes = MARKET.genesis(), random.Random(seed)
    for _ in range(30):
        pool = ledger.pools[wishes.choice(sorted(ledger.pools))]
        token_in, token_out = wishes.sample(pool.tokens, 2)
        amount = int(pool.balances()[token_in] * wishes.uniform(0, 0.4))
        with suppress(Undone):
            trade(ledger, TRADERS, Hop("", pool.pool_id, token_in, token_out, amount, 0), NOW)
    before = ledger.pools

    arbitrage(ledger, list(before), VALUES, NOW)

    assert max(best_swap(pool, NOW) for pool in before.values()) > 1.05
    left = {pool.pool_id: best_swap(pool, NOW) for pool in ledger.pools.values()}
    assert max(left.values()) < 1 + 10 * LEAST_GAIN, left  # where the fee has moved up with the price, a bit is left
