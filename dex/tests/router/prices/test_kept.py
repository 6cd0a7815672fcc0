"""What is kept between orders decides nothing: answers are those of a router that keeps nothing."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import ExitStack
from unittest.mock import patch

import numpy as np
import pytest

from dex.chains.simulated.fees import costs
from dex.chains.simulated.market import default_market
from dex.costs import Costs
from dex.pools.tick_pool import TickPool
from dex.pools.tick_ranges import segment
from dex.router import Market
from dex.router.convex.last_hops import last_hops, last_hops_at_most
from dex.router.net import costs as net_costs
from dex.router.net import one_swap
from dex.router.net.fees import FeeTable
from dex.testing import NOW
from dex.tests.router.test_market import moved
from dex.turns import route_in_turn
from dex.types import PPM, Quote, Side, SwapRequest

PAIRS = (("SOL", "USDC"), ("USDC", "SOL"), ("ETH", "USDC"), ("USDC", "ETH"), ("mSOL", "SOL"))


def asked(seed: int, count: int) -> Iterator[SwapRequest]:
    """Small orders mostly, and a few that move a price far."""
    rng, values = random.Random(seed), default_market().values
    for number in range(count):
        (token_in, token_out), side = rng.choice(PAIRS), rng.choice(list(Side))
        fixed = token_in if side is Side.EXACT_IN else token_out
        dollars = 10 ** rng.uniform(5, 6) if number % 9 == 8 else 10 ** rng.uniform(1, 3)
        yield SwapRequest(token_in, token_out, side, int(dollars / values[fixed]), 5_000)


def routed(market: Market, requests: list[SwapRequest]) -> list[object]:
    answers = route_in_turn(market, requests, lambda *_: 0, deadline_ms=None)
    return [answer if isinstance(answer, Quote) else (answer.code, answer.facts) for answer in answers]


@pytest.mark.parametrize("seed", range(3))
def test_prices_that_are_kept_give_the_answers_of_exact_ones(seed: int) -> None:
    market, requests = Market(list(moved(seed).values()), NOW, 1, costs(10_000)), list(asked(seed, 30))
    with ExitStack() as kept_apart:
        for module in (one_swap, net_costs):
            kept_apart.enter_context(patch.object(module, "last_hops_at_most", lambda *_: None))
        expected = routed(market.copy(), requests)

    assert routed(market, requests) == expected


def test_no_price_is_above_its_ceiling_after_trades() -> None:
    market, raised = Market(list(moved(1).values()), NOW, 1, costs(10_000)), 0
    ends = [(a, b) for a in range(4) for b in range(4) if a != b]
    for request in asked(1, 40):
        compiled = market.compiled
        before = compiled.ceilings.prices
        routed(market, [request, request])  # the market is moved by the first
        raised += compiled.ceilings.prices is not before
        for source, target in ends:
            most = last_hops_at_most(compiled, source, target)
            now = last_hops(compiled, compiled.pair_price, source, target)
            if most is not None and now is not None:
                assert most.of_several >= now.of_several

        assert (compiled.pair_price <= np.array(compiled.ceilings.prices)).all()
    assert 0 < raised < 40


def test_copies_of_a_market_keep_their_own_ceilings() -> None:
    market = Market(list(moved(2).values()), NOW, 1, costs(10_000))
    last_hops_at_most(market.compiled, 0, 1)
    before, known = list(market.compiled.ceilings.prices), dict(market.compiled.ceilings.known)
    twin = market.copy()
    routed(twin, [*asked(2, 20)])

    assert twin.compiled.ceilings.prices != before
    assert (market.compiled.ceilings.prices, market.compiled.ceilings.known) == (before, known)


def test_fees_by_the_number_of_swaps_are_those_by_kind() -> None:
    market = Market(list(default_market().pools), NOW, 1)
    compiled = market.compiled
    alike = Costs("SOL", 5_000, other_swap=10_000)
    by_kind = Costs("SOL", 5_000, per_swap=dict.fromkeys(compiled.kinds, 10_000), other_swap=1)
    for price in (None, 0.0, 0.1439902):
        one, other = FeeTable(alike, price), FeeTable(by_kind, price)
        for count in (1, 2, 3):
            path = tuple(range(count))
            swaps = [compiled.swap(edge, 10**6, True) for edge in path]

            assert one.of_path(compiled, path, swaps) == other.of_path(compiled, path, swaps)  # type: ignore[arg-type]


def test_curves_with_kept_ranges_are_those_of_all_ranges() -> None:
    seen = 0
    for seed in range(6):
        for pool in moved(seed, trades=120, share=0.05).values():
            if not isinstance(pool, TickPool):
                continue
            kept = 1 - pool.fee_rate / PPM
            for is_down in (True, False):
                sold, bought = pool.tokens if is_down else pool.tokens[::-1]
                curve = pool.curve(sold, bought, NOW)
                ranges = [segment(*range_, kept, pool.bits) for range_ in pool._ranges(is_down)]

                assert list(zip(*curve, strict=True)) == ranges
                seen += len(ranges) > 1
    assert seen
