"""What is proven in a few steps is, to the last bit, what the whole search would have found."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace
from unittest.mock import patch

import pytest

from dex.chains.simulated.market import default_market
from dex.costs import Costs
from dex.errors import DexError
from dex.router.graph.compiled import CompiledMarket
from dex.router.net import costs as net_costs
from dex.router.net import search
from dex.router.net.costs import native_price
from dex.router.net.one_swap import best_swap
from dex.router.split import find_split
from dex.router.split_values import SplitOrder
from dex.testing import NOW
from dex.tests.router.cost_markets import SHAPES, example
from dex.tests.router.test_market import moved
from dex.types import Side

FLAT = Costs("SOL", 5_000, other_swap=10_000)
BY_KIND = Costs(
    "SOL",
    5_000,
    per_swap={"orca_whirlpool": 11_000, "meteora_dlmm": 9_500},
    other_swap=10_000,
    per_tick={"orca_whirlpool": 2_000, "meteora_dlmm": 500},
    per_next={"raydium_cpmm": 9_000},
    per_repeat={"orca_whirlpool": 1_000},
)
PAIRS = (("SOL", "USDC"), ("USDC", "SOL"), ("ETH", "USDC"), ("USDC", "ETH"), ("mSOL", "SOL"), ("USDC", "USDT"))


def answer(market: CompiledMarket, order: SplitOrder) -> object:
    try:
        return find_split(market, order)
    except DexError as error:
        return error.code, error.facts


def by_both(market: CompiledMarket, order: SplitOrder) -> tuple[bool, object, object]:
    """Whether the few steps prove it, the answer with them, and without."""
    proofs = []

    def tried(*args: object) -> object:
        proofs.append(best_swap(*args))  # type: ignore[arg-type]
        return proofs[-1]

    with patch.object(search, "best_swap", tried):
        quick = answer(market, order)
    with patch.object(search, "best_swap", lambda *_: None):
        return any(proofs), quick, answer(market, order)


@pytest.mark.parametrize("shape", SHAPES)
def test_an_order_at_a_cost_of_swaps_gets_the_same_answer(shape: str) -> None:
    proven = 0
    for seed in range(40):
        made = example(seed, shape)
        market, rng = CompiledMarket(made.pools, NOW), random.Random(seed)
        worth = made.order.amount if made.order.side is Side.EXACT_OUT else int(made.order.amount * market.price.max())
        order = replace(made.order, swap_cost=worth * 10 ** rng.uniform(-6, -1))
        is_proven, quick, slow = by_both(market, order)
        proven += is_proven

        assert quick == slow, seed
    assert proven >= 4  # of 40, or this has tested nothing


def orders(seed: int, costs: Costs) -> Iterator[SplitOrder]:
    rng, values = random.Random(seed), default_market().values
    for token_in, token_out in PAIRS:
        for side in Side:
            fixed = token_in if side is Side.EXACT_IN else token_out
            amount = int(10 ** rng.uniform(0, 4) / values[fixed])
            yield SplitOrder(token_in, token_out, side, amount, costs=costs)


@pytest.mark.parametrize("costs", [FLAT, BY_KIND], ids=["flat", "by kind"])
def test_an_order_at_what_a_chain_charges_gets_the_same_answer(costs: Costs) -> None:
    proven = 0
    for seed in range(4):
        pools = moved(seed)
        market = CompiledMarket([pools[name] for name in sorted(pools)], NOW)
        for order in orders(seed, costs):
            is_proven, quick, slow = by_both(market, order)
            proven += is_proven

            assert quick == slow, (seed, order)
    assert proven >= 6  # of 48


def test_a_large_order_is_not_proven() -> None:
    market = CompiledMarket(sorted(default_market().pools, key=lambda pool: pool.pool_id), NOW)
    large = SplitOrder("SOL", "USDC", Side.EXACT_IN, 10**13, costs=FLAT)

    assert by_both(market, large)[0] is False


def test_the_native_token_has_the_price_that_the_whole_search_gives_it() -> None:
    found = 0
    for seed in range(6):
        pools = moved(seed, share=0.0001)
        market = CompiledMarket([pools[name] for name in sorted(pools)], NOW)
        for token in market.tokens:
            with patch.object(net_costs, "_along_best_prices", lambda *_: None):
                slow = native_price(market, FLAT, token)
            with patch.object(net_costs, "query_of", side_effect=AssertionError):
                try:
                    quick = native_price(market, FLAT, token)
                except AssertionError:  # left to the whole search
                    continue
            found += 1

            assert quick == slow, (seed, token)
    assert found >= 36  # of 72
