"""The market that the simulated chain begins with."""

import json
from collections import Counter, defaultdict
from collections.abc import Iterator
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest

from dex import Engine, InsufficientLiquidity, Pool, Quote
from dex.chains.simulated import market as market_file
from dex.chains.simulated.market import default_market
from dex.pools import pool_from_state
from dex.pools.kinds.curve_stableswap_ng.opening import balances_at
from dex.testing import NOW, FakeChain, request
from dex.testing.curves import first_price
from dex.tests.chains.simulated import ledgers
from dex.types import PPM
from dex.venues import VENUES

MARKET = default_market()
VALUES = MARKET.values
ENTRIES = json.loads(Path(market_file.__file__).with_name("market.json").read_text())["pools"]
DECIMALS = {
    "SOL": 9,
    "USDC": 6,
    "USDT": 6,
    "ETH": 8,
    "BTC": 8,
    "mSOL": 9,
    "JUP": 6,
    "RAY": 6,
    "BONK": 5,
    "JTO": 9,
    "PYTH": 6,
    "DAI": 18,
}
SOLANA_KINDS = {"meteora_damm_v2", "meteora_dlmm", "orca_whirlpool", "raydium_cpmm"}

EVERY_KIND = ledgers.MARKET.pools
every_pool = pytest.mark.parametrize("pool", EVERY_KIND, ids=[pool.pool_id for pool in EVERY_KIND])


def worth(token: str, dollars: float) -> int:
    return int(dollars / VALUES[token])


def test_tokens_keep_their_decimals() -> None:
    assert {token.symbol: token.decimals for token in MARKET.tokens} == DECIMALS


def test_no_pool_is_a_strangers() -> None:
    listed = {name: [pool for pool in MARKET.pools if venue.lists(pool)] for name, venue in VENUES.items()}

    assert sum(map(len, listed.values())) == len(MARKET.pools) == len({pool.pool_id for pool in MARKET.pools})
    assert sum(len(pools) >= 4 for pools in listed.values()) >= 8


def test_great_pairs_trade_at_several_venues_and_fees() -> None:
    venues, fees = Counter[frozenset[str]](), Counter[frozenset[str]]()
    for pair in {frozenset(pool.tokens) for pool in MARKET.pools}:
        pools = [pool for pool in MARKET.pools if pair <= set(pool.tokens)]
        venues[pair] = len({pool.venue for pool in pools})
        fees[pair] = len({pool.fee_ppm(pool.tokens[0], NOW) for pool in pools})

    for pair in map(frozenset, (("SOL", "USDC"), ("ETH", "USDC"), ("SOL", "ETH"), ("BTC", "ETH"))):
        assert venues[pair] >= 3
        assert fees[pair] >= 3
    assert {len(pool.tokens) for pool in MARKET.pools} == {2, 3}


@every_pool
def test_at_the_reference_values_no_swap_of_any_size_gains(pool: Pool) -> None:
    """So no circle of swaps gains either: the values of what goes in and out of each only ever fall."""
    for token_in, token_out in permutations(pool.tokens, 2):
        given = VALUES[token_out] / VALUES[token_in]

        assert 0 < pool.marginal_price(token_in, token_out, NOW) * given < 1
        assert first_price(pool.curve(token_in, token_out, NOW)) * given < 1


@pytest.mark.parametrize("dollars", [1, 50, 1_000])
def test_no_circle_of_two_or_three_pools_gains(dollars: int) -> None:
    """All of them, in the pools' own integers."""
    leaving = defaultdict[str, list[tuple[Pool, str]]](list)
    for pool in MARKET.pools:
        for token_in, token_out in permutations(pool.tokens, 2):
            leaving[token_in].append((pool, token_out))
    circles = 0

    def follow(first: str, token: str, amount: int, used: tuple[Pool, ...]) -> Iterator[int]:
        for pool, onward in leaving[token]:
            if pool not in used and (onward == first or len(used) < 2):
                paid = pool.swap_exact_in(token, onward, amount, NOW).amount_out
                yield from [paid] if onward == first else follow(first, onward, paid, (*used, pool))

    for token in DECIMALS:
        amount = worth(token, dollars)
        ends = list(follow(token, token, amount, ()))
        circles += len(ends)
        assert max(ends) < amount
    assert circles > 5_000


@every_pool
@pytest.mark.parametrize("dollars", [1, 1_000, 200_000])
def test_a_swap_loses_about_its_fee_and_its_impact(pool: Pool, dollars: int) -> None:
    for token_in, token_out in permutations(pool.tokens, 2):
        amount = worth(token_in, dollars)
        try:
            swap = pool.swap_exact_in(token_in, token_out, amount, NOW)
        except InsufficientLiquidity:
            assert dollars > 10_000
            continue

        assert swap.amount_out * VALUES[token_out] < amount * VALUES[token_in]
        if dollars <= 1_000:
            kept = (1 - pool.fee_ppm(token_in, NOW) / PPM) ** 2 * 0.98
            assert swap.amount_out * VALUES[token_out] > amount * VALUES[token_in] * kept


def test_tokens_meet_at_hubs_and_each_has_several_pools() -> None:
    pools, neighbours = Counter[str](), defaultdict[str, set[str]](set)
    for pool in MARKET.pools:
        pools.update(pool.tokens)
        for token in pool.tokens:
            neighbours[token] |= set(pool.tokens) - {token}

    assert min(pools.values()) >= 2
    assert [token for token, _ in pools.most_common(3)] == ["USDC", "SOL", "ETH"]
    assert all(len(neighbours[hub]) >= 6 for hub in ("USDC", "SOL", "ETH"))


@every_pool
def test_amounts_fit_into_the_numbers_of_the_real_program(pool: Pool) -> None:
    """Programs on Solana count in 64 bits, so that a token of 18 decimals is a stranger to them; pairs in 112."""
    bits = 64 if pool.kind in SOLANA_KINDS else 112

    assert max(pool.balances().values()) < 2 ** (bits - 4)  # with room to grow


@pytest.mark.parametrize("entry", ENTRIES, ids=[entry["pool"] for entry in ENTRIES])
def test_pools_are_as_deep_as_their_tokens_are_known(entry: dict[str, Any]) -> None:
    """Dollars in a pool: great pairs hold millions, the rest no less than the half of one."""
    is_great = {"SOL", "ETH", "BTC", "USDC", "USDT", "DAI", "mSOL"} >= set(entry["tokens"])

    assert (2_000_000 if is_great else 500_000) <= float(entry["usd"]) <= 100_000_000


def test_pools_side_by_side_differ_a_little_in_price() -> None:
    prices = {
        pool.pool_id: pool.marginal_price("SOL", "USDC", NOW) / (1 - pool.fee_ppm("SOL", NOW) / PPM)
        for pool in MARKET.pools
        if pool.tokens == ("SOL", "USDC")
    }

    assert len(set(prices.values())) == len(prices) >= 5
    assert max(prices.values()) / min(prices.values()) < 1.002


@pytest.mark.parametrize("entry", ENTRIES, ids=[entry["pool"] for entry in ENTRIES])
def test_a_pool_holds_what_the_file_says(entry: dict[str, str]) -> None:
    (pool,) = (pool for pool in MARKET.pools if pool.pool_id == entry["pool"])

    held = sum(atoms * VALUES[token] for token, atoms in pool.balances().items())

    assert held == pytest.approx(float(entry["usd"]), rel=pool.fee_ppm(pool.tokens[0], NOW) / PPM)
    assert pool.fee_ppm(pool.tokens[0], NOW) == pytest.approx(float(entry["fee_ppm"]), rel=0.01)


@every_pool
def test_states_are_exact_and_short(pool: Pool) -> None:
    state = json.dumps(pool.to_state())

    again = pool_from_state(pool.kind, pool.pool_id, pool.venue, pool.tokens, json.loads(state))

    assert again == pool
    assert len(state) < 3_000


def test_the_same_file_makes_the_same_market() -> None:
    assert default_market.__wrapped__() == MARKET


def test_every_token_can_be_swapped_for_every_other() -> None:
    engine = Engine(FakeChain(MARKET.pools))
    pairs = list(permutations(DECIMALS, 2))

    answers = engine.route([request(*pair, worth(pair[0], 1_000)) for pair in pairs], is_sequential=False)

    for (token_in, token_out), quote in zip(pairs, answers, strict=True):
        assert isinstance(quote, Quote), (token_in, token_out)
        kept = quote.amount_out * VALUES[token_out] / (quote.amount_in * VALUES[token_in])
        assert 0.98 < kept < 1


@pytest.mark.parametrize("worths", [(1.0, 1.0), (1.0, 0.9998), (0.99, 1.0, 1.01), (1.0, 1.0, 1.0, 0.95)])
@pytest.mark.parametrize("amplification", [10, 200, 2_000])
def test_stable_balances_give_the_prices_asked_for(worths: tuple[float, ...], amplification: int) -> None:
    balances = balances_at(worths, amplification)

    n = len(worths)
    product = 1.0
    for balance in balances:
        product *= balance * n
    ann = amplification * n
    slopes = [ann + 1 / product / balance for balance in balances]
    assert ann * sum(balances) + 1 == pytest.approx(ann + 1 / product, rel=1e-12)
    for slope, worth_of_it in zip(slopes, worths, strict=True):
        assert slope / slopes[0] == pytest.approx(worth_of_it / worths[0], rel=1e-12)


def test_treasuries_and_grants_are_worth_what_they_should_be() -> None:
    ledger, grant = MARKET.genesis(), MARKET.grant()

    assert {address for address, _ in ledger.balances} == {"sim:faucet", "sim:rival", "sim:traders"}
    assert {token for _, token in ledger.balances} == set(grant) == set(DECIMALS)
    for (_, token), atoms in ledger.balances.items():
        assert atoms * VALUES[token] == pytest.approx(10**15)
        assert grant[token] * VALUES[token] == pytest.approx(10**10)
