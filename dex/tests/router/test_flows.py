"""Plans carried through the curves of their edges, and replayed in whole atoms."""

import numpy as np
import pytest

from dex.errors import AmountTooSmall
from dex.router.convex.flows import Flow, carry_forward, wasted
from dex.router.exact.replay import replay_exact_in
from dex.router.graph.compiled import CompiledMarket
from dex.testing import NOW
from dex.testing.kinds.meteora_damm_v2 import damm_pool
from dex.testing.kinds.uniswap_v2 import v2_pool

MILLION = 10**6


@pytest.mark.parametrize("weights", [(900.0, 100.0), (100.0, 900.0)])
def test_what_an_edge_has_no_room_for_goes_to_its_sibling(weights: tuple[float, float]) -> None:
    endless = v2_pool("endless", ("A", "B"), (MILLION, MILLION))
    narrow = damm_pool("narrow", ("A", "B"), (MILLION, MILLION))
    market = CompiledMarket([endless, narrow], NOW)
    source, target = (market.token_number[token] for token in "AB")
    edges = np.flatnonzero(market.tail == source).tolist()
    group = [Flow(edge, source, target, weight, weight) for edge, weight in zip(edges, weights, strict=True)]
    amount = 1_000.0 * MILLION

    carried = carry_forward(market, [sorted(group, key=lambda flow: -flow.sold)], source, target, amount)

    assert carried.missing == 0
    assert sum(flow.sold for flow in carried.flows) == pytest.approx(amount)
    assert {flow.sold for flow in carried.flows} >= {market.capacity[edges[1]]}


def test_a_token_of_which_there_is_too_little_to_sell_on_is_not_bought() -> None:
    direct, there = v2_pool("direct", ("A", "B"), (MILLION, MILLION)), v2_pool("there", ("A", "C"), (MILLION, MILLION))
    market = CompiledMarket([direct, there, v2_pool("onward", ("C", "B"), (10**12, 1_000))], NOW)
    a, b, c = (market.token_number[token] for token in "ABC")
    edge = {market.edge_tokens[number]: number for number in range(market.edge_count)}
    ways = [
        [Flow(edge["A", "B"], a, b, 900.0, 900.0), Flow(edge["A", "C"], a, c, 100.0, 100.0)],
        [Flow(edge["C", "B"], c, b, 100.0, 100.0)],
    ]

    replayed = replay_exact_in(market, ways, a, b, 1_000)

    assert [(number, swap.amount_in) for number, swap in replayed.swaps] == [(edge["A", "B"], 1_000)]
    with pytest.raises(AmountTooSmall):
        replay_exact_in(market, [ways[0][1:], ways[1]], a, b, 1_000)


def test_share_of_a_token_that_is_left_on_the_way() -> None:
    flows = [Flow(0, 0, 1, 10.0, 100.0), Flow(1, 1, 2, 60.0, 6.0), Flow(2, 1, 2, 20.0, 2.0)]

    assert wasted(flows, 2) == pytest.approx(0.2)
    assert wasted(flows[:1], 1) == 0
