"""The kernels of the net search do what numpy does: step by step, and route by route."""

from dataclasses import replace
from typing import Final, NamedTuple

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from dex.errors import DexError
from dex.pools import Pool
from dex.router.convex.best_path import Query
from dex.router.convex.candidates import segments_within
from dex.router.convex.certificate import edge_surplus
from dex.router.convex.reduced import DUST, trimmed
from dex.router.graph.compiled import CompiledMarket
from dex.router.kernel import Floats, Ints
from dex.router.net import blocks, bounds, rounding
from dex.router.net.costs import EdgeCosts, uniform
from dex.router.net.envelope import Lines, beyond, lines
from dex.router.split import find_split
from dex.router.split_values import Split, SplitOrder
from dex.testing import NOW, markets, requests
from dex.testing.examples import examples
from dex.tests.router.cost_markets import SHAPES, example
from dex.tests.router.kernels import asked_of, both, needs_numba, path_of
from dex.types import Side, SwapRequest

CHARGES: Final = (-6.0, 1.0)  # powers of ten: units that edges charge
SHARES: Final = (-6.0, -1.0)  # the same of a swap's cost, as a share of the order
OFF: Final = 0.05  # share by which prices are off those of the best path
GAP: Final = 1e-6  # of the gross value: how far net values of two routes, and their bounds, may be apart
ATOMS: Final = 10.0
LEAST: Final = 1e-6  # units that an edge takes, or pays for one
FEW = settings(max_examples=examples(8))  # of each shape
SEEDS = st.integers(0, 2**32 - 1)

pytestmark = needs_numba


class Asked(NamedTuple):
    """A market and an order in it, with the units of its best path, and the edges whose amounts are near those.

    Of others, where all that an edge takes is next to nothing, differences are no more than rounding.
    """

    market: CompiledMarket
    query: Query
    units: Floats
    prices: Floats
    edges: Ints

    @property
    def ends(self) -> tuple[Floats, Floats]:
        return self.units[self.market.tail[self.edges]], self.units[self.market.head[self.edges]]


def measured(market: CompiledMarket, query: Query) -> Asked:
    path = path_of(market, query)
    units = path.units
    unit_in, unit_out = units[market.tail], units[market.head]
    is_measured = (query.price > 0) & (unit_in > 0) & (unit_out > 0)
    with np.errstate(all="ignore"):
        price = query.price * unit_in / unit_out
    is_measured &= (market.capacity > LEAST * unit_in) & (price > LEAST) & (price < 1 / LEAST)
    return Asked(market, query, units, path.prices, np.flatnonzero(is_measured))


def small(seed: int, shape: str) -> Asked:
    """One of the small markets, among them those of pools of three tokens."""
    return measured(*asked_of(*example(seed, shape)))


def charges(seed: int, size: int) -> Floats:
    powers: Floats = 10.0 ** np.random.default_rng(seed).uniform(*CHARGES, size)
    return powers


def assert_same_lines(ours: Lines, theirs: Lines) -> None:
    assert np.array_equal(ours.start, theirs.start)
    for one, other in ((ours.touch, theirs.touch), (ours.room, theirs.room), (ours.offset, theirs.offset)):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-7)
    np.testing.assert_allclose(ours.rate, theirs.rate, rtol=1e-6, atol=1e-9)


def assert_same_envelopes(asked: Asked, seed: int) -> None:
    market, edges, ends = asked.market, asked.edges, asked.ends
    charge = charges(seed, len(edges))
    ours, theirs = both(lambda: lines(market, edges, *ends, charge))
    assert_same_lines(ours, theirs)
    depth = segments_within(market, asked.units, edges, 1.0, np.zeros(len(edges)))
    (one, owner), (other, other_owner) = both(lambda: beyond(market, edges, depth, ours, *ends))
    assert (one.hyperbolas, one.powers) == (other.hyperbolas, other.powers)
    assert np.array_equal(owner, other_owner)
    np.testing.assert_allclose(one.table, other.table, rtol=1e-9)


@given(pools=markets(), request=requests(), seed=SEEDS)
def test_envelopes_are_alike(pools: list[Pool], request: SwapRequest, seed: int) -> None:
    assert_same_envelopes(measured(*asked_of(pools, request)), seed)


@pytest.mark.parametrize("shape", SHAPES)
@FEW
@given(seed=SEEDS)
def test_envelopes_of_small_markets_are_alike(shape: str, seed: int) -> None:
    assert_same_envelopes(small(seed, shape), seed)


@pytest.mark.parametrize("charge", [np.inf, np.nan])
@given(pools=markets(), request=requests())
def test_envelopes_without_a_finite_charge_are_alike(charge: float, pools: list[Pool], request: SwapRequest) -> None:
    market, _, _, _, edges = asked = measured(*asked_of(pools, request))

    ours, theirs = both(lambda: lines(market, edges, *asked.ends, np.full(len(edges), charge)))

    assert_same_lines(ours, theirs)


@pytest.mark.parametrize("shape", SHAPES)
@FEW
@given(seed=SEEDS)
def test_bounds_are_alike(shape: str, seed: int) -> None:
    market, query, _, prices, _ = small(seed, shape)
    rng = np.random.default_rng(seed)
    prices = prices * rng.uniform(1 - OFF, 1 + OFF, len(prices))
    found = edge_surplus(market, query, prices, np.zeros(market.edge_count, np.intp), np.zeros(len(prices), bool))
    worth = query.amount * prices[query.source if query.is_exact_in else query.target]
    swap = worth * 10.0 ** rng.uniform(*SHARES, market.edge_count)
    costs: EdgeCosts = uniform(market, 0.0)._replace(swap=swap)

    ours, theirs = both(lambda: bounds.net_bound(market, query, costs, prices, found))

    assert ours.value == pytest.approx(theirs.value, rel=1e-12, abs=1e-12 * worth)
    assert np.array_equal(ours.gains, theirs.gains)


@given(pools=markets(), request=requests(), seed=SEEDS)
def test_sets_are_trimmed_and_solved_alike(pools: list[Pool], request: SwapRequest, seed: int) -> None:
    market, query, units, prices, edges = measured(*asked_of(pools, request))
    rng = np.random.default_rng(seed)
    drawn = [edges[rng.random(len(edges)) < rng.random()] for _ in range(4)]
    ours, theirs = both(lambda: [trimmed(market, query, some) for some in drawn])
    assert all(np.array_equal(*sets) for sets in zip(ours, theirs, strict=True))
    sets = [some for some in ours if len(some)]
    assume(sets)
    joined = blocks.blocks_of(sets)
    columns, owner, _ = market.columns_of(joined.edges, market.count[joined.edges])
    ends = units[market.tail[joined.edges]].take(owner), units[market.head[joined.edges]].take(owner)
    segments, order = market.segments(columns, *ends)

    numpy, kernels = (lay(market, query, joined, segments, owner[order]) for lay in (blocks._lay, blocks._kernels_lay))
    solved = both(lambda: rounding.solve_sets(market, query, units, uniform(market, 0.0), sets, prices))

    assert np.array_equal(numpy.segments.table, kernels.segments.table)
    assert (numpy.segments.hyperbolas, numpy.segments.powers) == (kernels.segments.hyperbolas, kernels.segments.powers)
    assert all(np.array_equal(*columns) for columns in zip(numpy[1:], kernels[1:], strict=True))
    for one, other in zip(*solved, strict=True):
        if one.missing < DUST:
            assert other.missing < DUST
            assert other.net == pytest.approx(one.net, rel=GAP)
            assert one.prices.keys() == other.prices.keys()


def routed(market: CompiledMarket, order: SplitOrder) -> Split | DexError:
    try:
        return find_split(market, order)
    except DexError as error:
        return error


@pytest.mark.parametrize("shape", SHAPES)
@FEW
@given(seed=SEEDS)
def test_orders_at_a_cost_get_routes_of_the_same_net_value(shape: str, seed: int) -> None:
    pools, order = example(seed, shape)
    market = CompiledMarket(pools, NOW)
    free = routed(market, order)
    assume(isinstance(free, Split))
    assert isinstance(free, Split)
    worth = free.float_amount if order.side is Side.EXACT_IN else order.amount
    share = 10.0 ** np.random.default_rng(seed).uniform(*SHARES)
    order = replace(order, swap_cost=share * worth)

    numpy, kernels = both(lambda: routed(market, order))

    assert isinstance(numpy, Split)
    assert isinstance(kernels, Split)
    apart = GAP * numpy.float_amount + ATOMS
    sign = 1 if order.side is Side.EXACT_IN else -1
    nets = [sign * split.float_amount - split.cost for split in (numpy, kernels)]
    assert abs(nets[0] - nets[1]) <= apart
    assert abs(numpy.bound - kernels.bound) <= apart
