"""Parallel segments filled to one price: all of the amount, nowhere a better price left, for any segments."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dex.pools.curves import Curve, PowerCurve, Segments, StableCurve
from dex.router.convex.waterfill import Filled, fill
from dex.router.graph.columns import compile_curves
from dex.router.graph.edges import CompiledEdges
from dex.router.graph.segments import SegmentTable

pytestmark = pytest.mark.usefixtures("arithmetic")

BALANCED = StableCurve(0.5, -0.995, 0.0025 / 4, 1e-9, 0.9996e9)
ATOMS = 1e6
DEEPEST = 1e12  # of all pools here: what rounding of a price makes of it is no error


def segments_of(curves: list[Curve]) -> SegmentTable:
    columns = compile_curves(curves)
    market = CompiledEdges()
    market.table, market.family = columns.table, columns.family
    return market.segments(np.arange(columns.table.shape[1]))[0]


def filled(curves: list[Curve], amount: float, is_exact_in: bool = True) -> tuple[SegmentTable, Filled]:
    segments = segments_of(curves)
    with np.errstate(all="ignore"):
        return segments, fill(segments, amount, is_exact_in)


def assert_optimal(segments: SegmentTable, found: Filled, amount: float, is_exact_in: bool) -> None:
    """No segment would pay a better price for more, none got a worse one for what it took."""
    value, slope, bend = np.empty((3, segments.size))
    with np.errstate(all="ignore"):
        segments.evaluate(found.flow, value, slope, bend)
    traded = math.fsum(found.flow if is_exact_in else value)
    assert traded == pytest.approx(amount - found.missing, rel=1e-9, abs=1e-14 * DEEPEST)
    assert found.missing >= 0
    assert (found.flow >= 0).all()
    assert (found.flow <= segments.capacity).all()
    has_room, is_used = found.flow < segments.capacity, found.flow > 0
    assert (slope[has_room] <= found.price * (1 + 1e-9)).all()
    assert (slope[is_used] >= found.price * (1 - 1e-9)).all()


def hyperbolas() -> st.SearchStrategy[Segments]:
    price, depth = st.floats(0.5, 2.0), st.floats(1e2, DEEPEST)
    endless = st.builds(lambda p, d: Segments((p,), (1 / d,), (math.inf,)), price, depth)
    ranges = st.builds(lambda p, d, share: Segments((p,), (1 / d,), (share * d,)), price, depth, st.floats(1e-5, 5.0))
    bins = st.builds(lambda p, x: Segments((p, p * 0.999, p * 0.998), (0.0,) * 3, (x,) * 3), price, st.floats(1.0, 1e8))
    return endless | ranges | bins


def curved() -> st.SearchStrategy[Curve]:
    power: st.SearchStrategy[Curve] = st.builds(
        PowerCurve,
        st.floats(1e3, 1e9),
        st.floats(1e3, 1e9),
        st.floats(0.25, 4.0),
        st.just(math.inf) | st.floats(1.0, 1e9),
    )
    stable = st.builds(
        lambda start, amp, size: StableCurve(start, 1 / (2 * amp) - 1, 1 / (8 * amp), 1 / size, 0.9996 * size),
        st.floats(0.2, 0.8),
        st.floats(10.0, 1_000.0),
        st.floats(1e4, 1e10),
    )
    return power | stable


@given(curves=st.lists(hyperbolas() | curved(), min_size=1, max_size=8), amount=st.floats(1.0, 1e10))
@pytest.mark.parametrize("is_exact_in", [True, False])
def test_all_segments_end_at_one_price(curves: list[Curve], amount: float, is_exact_in: bool) -> None:
    segments, found = filled(curves, amount, is_exact_in)

    assert_optimal(segments, found, amount, is_exact_in)


@pytest.mark.parametrize("is_exact_in", [True, False])
def test_flat_segment_of_just_the_price_takes_what_is_left(is_exact_in: bool) -> None:
    bins = Segments((1.1, 1.0, 0.9), (0.0,) * 3, (ATOMS,) * 3)
    beside = Segments((1.2,), (1e-7,), (math.inf,))

    segments, found = filled([bins, beside], 2.5 * ATOMS, is_exact_in)

    assert found.price == pytest.approx(1.0, rel=1e-12)
    assert found.flow[0] == ATOMS
    assert 0 < found.flow[1] < ATOMS
    assert found.flow[2] == 0
    assert found.flow[3] == pytest.approx((math.sqrt(1.2) - 1) / 1e-7, rel=1e-9)
    assert_optimal(segments, found, 2.5 * ATOMS, is_exact_in)


def test_what_no_segment_can_take_is_missing() -> None:
    full = Segments((1.0,), (0.0,), (ATOMS,))
    end = Segments((1.0,), (1e-9,), (ATOMS,))

    _, found = filled([full, end], 5 * ATOMS)

    assert found.flow.tolist() == [ATOMS, ATOMS]
    assert found.missing == pytest.approx(3 * ATOMS)


def test_what_no_segment_can_pay_is_missing() -> None:
    reserve = 2 * ATOMS  # of an endless pool, price / curvature

    _, found = filled([Segments((1.0,), (1 / reserve,), (math.inf,))], 5 * ATOMS, is_exact_in=False)

    assert found.missing == pytest.approx(3 * ATOMS, rel=1e-5)


def test_curves_of_all_families_share_an_order() -> None:
    curves: list[Curve] = [BALANCED, PowerCurve(1e9, 1e9, 1.0), Segments((0.9996,), (1e-9,), (math.inf,))]

    for is_exact_in in (True, False):
        segments, found = filled(curves, 5e7, is_exact_in)
        assert (found.flow > 0).all()
        assert_optimal(segments, found, 5e7, is_exact_in)


@pytest.mark.parametrize("is_exact_in", [True, False])
def test_little_is_divided_where_prices_do_not_tell_it_from_nothing(is_exact_in: bool) -> None:
    deep = Segments((1.0,), (1e-30,), (math.inf,))

    segments, found = filled([deep, deep], 7.0, is_exact_in)

    traded = found.flow if is_exact_in else segments.values(found.flow)
    assert traded.sum() == pytest.approx(7.0, rel=1e-9)


def test_nothing_to_fill_is_all_missing() -> None:
    _, found = filled([Segments((), (), ())], ATOMS)

    assert found == (np.zeros(1), 0.0, ATOMS)
