"""Buckets of charts: each moment of a range is in exactly one, they are few, and they hold whole stored ones."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from orders.prices.grid import MOST_POINTS, SPANS, Grid, grid

NOW = 1_790_000_000
DAY = 86_400
ranges = st.tuples(st.integers(1, 3_660 * DAY), st.integers(0, 3_660 * DAY), st.integers(1, MOST_POINTS))


def drawn(values: tuple[int, int, int]) -> tuple[Grid, int, int, int]:
    length_s, ago_s, points = values
    after_s = NOW - ago_s - length_s
    return grid(after_s, after_s + length_s, points, NOW), after_s, after_s + length_s, points


@given(ranges, st.integers(0, 10**9))
def test_each_moment_of_the_range_is_in_exactly_one_bucket(values: tuple[int, int, int], where: int) -> None:
    made, after_s, before_s, points = drawn(values)
    moment_s = after_s + where % (before_s - after_s)
    edges = [made.start_s + number * made.width_s for number in range(made.buckets + 1)]

    assert 1 <= made.buckets <= points
    assert edges[0] <= after_s
    assert edges[-2] < before_s <= edges[-1]
    assert sum(begin <= moment_s < end for begin, end in pairwise(edges)) == 1


@given(ranges)
def test_a_bucket_holds_whole_stored_buckets_which_are_kept_for_as_long_as_is_asked_for(
    values: tuple[int, int, int],
) -> None:
    made, after_s, before_s, points = drawn(values)
    spans = {span.width_s: span for span in SPANS}

    assert made.width_s % made.span_s == made.start_s % made.width_s == 0
    assert made.span_s == SPANS[-1].width_s or spans[made.span_s].kept_s >= NOW - after_s
    # A coarser one would be kept too, and make fewer points than there may be.
    coarser = [span for span in SPANS if span.width_s > made.span_s]
    assert not coarser or coarser[0].width_s * points > before_s - after_s
    # No wider than need be: one step less would not hold the range, wherever it begins.
    if made.width_s > made.span_s:
        assert (points - 1) * (made.width_s - made.span_s) < before_s - after_s


def test_what_a_desk_asks_for() -> None:
    for length_s, span_s, width_s, count in (
        (900, 15, 15, 61),
        (3_600, 15, 15, 241),
        (DAY, 300, 300, 289),
        (7 * DAY, 300, 2_100, 288),
        (30 * DAY, 14_400, 14_400, 181),
    ):
        made = grid(NOW + 7 - length_s, NOW + 7, 300, NOW + 7)
        assert (made.span_s, made.width_s) == (span_s, width_s)
        assert made.buckets in {count, count + 1}


def test_each_width_is_made_of_the_one_before_and_kept_for_longer() -> None:
    for finer, coarser in pairwise(SPANS):
        assert coarser.width_s % finer.width_s == 0
        assert coarser.kept_s > finer.kept_s
