"""The kernels of the extra `fast` do what numpy does: function by function, and route by route."""

import json
import logging
import random
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dex.errors import DexError
from dex.pools import Pool
from dex.problems.document import ProblemSet
from dex.problems.solve import Solver
from dex.router import kernel
from dex.router.convex import interior
from dex.router.convex.best_path import Query, query_of, within
from dex.router.convex.candidates import Candidates, segments_within
from dex.router.convex.certificate import edge_surplus
from dex.router.convex.potentials import (
    amounts_needed,
    amounts_reached,
    onward_prices,
    products_backward,
    products_forward,
)
from dex.router.convex.reduced import Reduced
from dex.router.graph.compiled import CompiledMarket
from dex.router.kernel import Floats, kernels_on, use_kernels
from dex.router.split import find_split
from dex.router.split_values import Split, SplitOrder
from dex.testing import NOW, cpmm_pool, markets, requests
from dex.tests.router.kernels import asked_of, both, needs_numba, path_of
from dex.tests.vector_files import VECTORS_DIR
from dex.types import SwapRequest

ROOT = Path(__file__).parents[3]
FILE = json.loads((VECTORS_DIR / "routing_cases.json").read_text(encoding="utf-8"))
GAP_BPS = 0.01  # how far the gaps of two routes may be apart
AMOUNT = 1e-8  # and their amounts, relative
ATOMS_PER_SWAP = 2
CLOSE = 1e-9


@pytest.fixture(autouse=True)
def _switched_back() -> Iterator[None]:
    before = kernels_on()
    yield
    use_kernels(before)


def multi_asset_market(seed: int) -> tuple[CompiledMarket, Query]:
    """Enough pools that numpy picks the edges that matter."""
    rng = random.Random(seed)
    tokens = [f"T{number}" for number in range(700)]
    hubs = tokens[:20]
    pools: list[Pool] = []
    for number in range(3_000):
        one, other = rng.sample(hubs, 2)
        pair = (one, rng.choice(tokens[20:]) if number % 10 else other)
        depth = int(10 ** rng.uniform(9, 15))
        pools.append(cpmm_pool(f"p{number}", pair, (depth, int(depth * rng.uniform(0.99, 1.01)))))
    market = CompiledMarket(pools, NOW)
    source, target = rng.sample(sorted(market.tokens), 2)
    return market, query_of(market, source, target, 1e10, rng.random() < 1 / 2)


def assert_same_spreading(market: CompiledMarket, query: Query) -> None:
    source, target = query.source, query.target
    for spreading in (amounts_reached, amounts_needed):
        ours, theirs = both(lambda: spreading(market, query.price, source, target, query.amount, 5))  # noqa: B023
        assert len(ours) == len(theirs)
        assert all(np.array_equal(*levels) for levels in zip(ours, theirs, strict=True))
    pairs, known = query.pair_price, np.array([target, source])
    again = np.full(market.token_count + 1, target)  # as by a path that passes a token many times
    for products in (
        lambda: products_forward(market, pairs, source, 5),
        lambda: products_backward(market, pairs, target, 5),
        lambda: onward_prices(market, pairs, source, known, np.array([1.0, 0.5])),
        lambda: onward_prices(market, pairs, source, known[:1], np.array([1.0])),
        lambda: onward_prices(market, pairs, source, again, np.ones(len(again))),
    ):
        assert np.array_equal(*both(products))


def assert_same_ranking(market: CompiledMarket, query: Query) -> None:
    best_path = path_of(market, query)
    for ours, theirs in zip(*both(lambda: Candidates(market, query, best_path).notional(0.03)), strict=True):
        assert np.array_equal(ours, theirs)
    edges = np.flatnonzero(query.price > 0)
    floor = query.price[edges] * 0.99
    assert np.array_equal(*both(lambda: segments_within(market, best_path.units, edges, 1.0, floor)))


def assert_same_surplus(market: CompiledMarket, query: Query, factors: Floats) -> None:
    """At prices a little off those of the best path, so that many edges earn."""
    best_path = path_of(market, query)
    prices, known = best_path.prices * factors, np.arange(market.edge_count) % 3
    is_settled = np.arange(market.token_count) % 2 == 0
    for limited in (query, within(market, query, query.amount)):
        ours, theirs = both(lambda: edge_surplus(market, limited, prices, known, is_settled))  # noqa: B023
        assert np.array_equal(ours.edge, theirs.edge)
        assert np.array_equal(ours.segments, theirs.segments)
        np.testing.assert_allclose(ours.surplus, theirs.surplus, rtol=1e-6, atol=CLOSE * query.amount)
        np.testing.assert_allclose(ours.outside, theirs.outside, rtol=1e-6, atol=CLOSE * query.amount)


@needs_numba
@given(pools=markets(), asked=requests())
def test_amounts_and_prices_spread_alike(pools: list[Pool], asked: SwapRequest) -> None:
    assert_same_spreading(*asked_of(pools, asked))


@needs_numba
@given(pools=markets(), asked=requests())
def test_edges_rank_alike(pools: list[Pool], asked: SwapRequest) -> None:
    assert_same_ranking(*asked_of(pools, asked))


@needs_numba
@given(pools=markets(), asked=requests(), seed=st.integers(0, 2**32 - 1))
def test_edge_surplus_is_alike(pools: list[Pool], asked: SwapRequest, seed: int) -> None:
    market, query = asked_of(pools, asked)
    assert_same_surplus(market, query, np.random.default_rng(seed).uniform(0.9, 1.1, market.token_count))


@needs_numba
@pytest.mark.parametrize("seed", range(4))
def test_multi_asset_markets_are_alike(seed: int) -> None:
    market, query = multi_asset_market(seed)

    assert_same_spreading(market, query)
    assert_same_ranking(market, query)
    assert_same_surplus(market, query, np.random.default_rng(seed).uniform(0.99, 1.01, market.token_count))


@needs_numba
@given(pools=markets(), asked=requests())
def test_programs_are_laid_out_and_solved_alike(pools: list[Pool], asked: SwapRequest) -> None:
    market, query = asked_of(pools, asked)
    best_path = path_of(market, query)
    with np.errstate(all="ignore"):
        candidates = Candidates(market, query, best_path)
        candidates.begin(best_path)
        reduced = Reduced(market, query, candidates.units, candidates.depth)

    (ours, owner), (theirs, other_owner) = both(reduced.program)
    assert np.array_equal(owner, other_owner)
    assert np.array_equal(ours.segments.table, theirs.segments.table)
    assert (ours.segments.hyperbolas, ours.segments.powers) == (theirs.segments.hyperbolas, theirs.segments.powers)
    assert np.array_equal(ours.tail, theirs.tail)
    assert np.array_equal(ours.head, theirs.head)
    start = np.ones(ours.tokens + 1)
    numpy, kernels = both(lambda: interior.solve(ours, start))
    assert abs(numpy.iterations - kernels.iterations) <= 1
    assert numpy.is_optimal == kernels.is_optimal
    if numpy.is_optimal:
        np.testing.assert_allclose(numpy.prices, kernels.prices, rtol=1e-6, atol=1e-6)
        np.testing.assert_allclose(numpy.flow, kernels.flow, rtol=1e-6, atol=1e-6)


def routed(market: CompiledMarket, order: SplitOrder) -> Split | DexError:
    try:
        return find_split(market, order)
    except DexError as error:
        return error


def assert_same_route(numpy: Split | DexError, kernels: Split | DexError) -> None:
    if isinstance(numpy, DexError) or isinstance(kernels, DexError):
        assert type(numpy) is type(kernels)
        return
    assert [swap.pool_id for swap in numpy.swaps] == [swap.pool_id for swap in kernels.swaps]
    assert numpy.is_proven == kernels.is_proven
    for ours, theirs in ((numpy.amount_in, kernels.amount_in), (numpy.amount_out, kernels.amount_out)):
        assert abs(ours - theirs) <= ATOMS_PER_SWAP * len(numpy.swaps) + AMOUNT * ours
    assert kernels.gap_bps == pytest.approx(numpy.gap_bps, abs=GAP_BPS, rel=1e-6)


@needs_numba
@given(pools=markets(), asked=requests())
def test_random_orders_get_the_same_routes(pools: list[Pool], asked: SwapRequest) -> None:
    market = CompiledMarket(pools, NOW)
    order = SplitOrder(asked.token_in, asked.token_out, asked.side, asked.amount)

    assert_same_route(*both(lambda: routed(market, order)))


@needs_numba
@pytest.mark.parametrize("case", FILE["cases"], ids=lambda case: case["id"])
def test_cases_of_the_file_get_the_same_routes(case: dict[str, Any]) -> None:
    solver = Solver(ProblemSet(FILE))
    numpy, kernels = both(lambda: solver.answer(case["id"]).line)

    assert [swap["pool"] for swap in numpy["route"]] == [swap["pool"] for swap in kernels["route"]]
    assert numpy.get("proven") == kernels.get("proven")
    atoms = ATOMS_PER_SWAP * numpy["swaps"]
    for name in ("amount_in", "amount_out"):
        assert abs(int(numpy[name]) - int(kernels[name])) <= atoms + AMOUNT * int(numpy[name])
    assert float(kernels["gap_bps"]) == pytest.approx(float(numpy["gap_bps"]), abs=GAP_BPS)


@needs_numba
def test_kernels_that_cannot_be_kept_stay_unused(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(*_: Any, **__: Any) -> Any:
        raise RuntimeError("no locator available")

    monkeypatch.setattr("numba.njit", refuse)
    monkeypatch.setattr(kernel._Switch, "can_compile", True)
    monkeypatch.setattr(kernel._Switch, "is_on", True)

    def doubled(x: float) -> float:
        return 2 * x

    with caplog.at_level(logging.WARNING):
        assert kernel.kernel(doubled) is doubled
    assert not kernels_on()
    assert not use_kernels(True)
    assert "stays unused: no locator available" in caplog.text


def test_machine_code_is_kept_by_all_sources_that_are_in_it() -> None:
    sources = (ROOT / "dex/router/fast").glob("*.py")
    imported = {name for source in sources for name in re.findall(r"(?:from|import) dex\.(\S+)", source.read_text())}

    others = {name for name in imported if not name.startswith("router.fast")}
    assert others == {f"router.{name}".replace("/", ".") for name in kernel.SHARED}


def test_without_numba_there_are_no_kernels() -> None:
    hidden = "import sys; sys.modules['numba'] = None\nfrom dex.router import kernel\nimport dex.router\n"
    asked = hidden + "print(kernel.kernels_on(), kernel.use_kernels(True))"
    said = subprocess.run([sys.executable, "-c", asked], cwd=ROOT, capture_output=True, text=True, check=True)

    assert said.stdout.split() == ["False", "False"]
    assert said.stderr == ""
