"""Plots are well-formed, show every point where it belongs, and survive strange names and values."""

import re
from xml.etree import ElementTree

import pytest

from benchmarks.suite.svg import HEIGHT, LEFT, RIGHT, TOP, WIDTH, Axis, axis, nice_step, plot

SVG = "{http://www.w3.org/2000/svg}"


def circles(text: str) -> list[tuple[float, float]]:
    root = ElementTree.fromstring(text)
    return [(float(one.get("cx", "")), float(one.get("cy", ""))) for one in root.iter(f"{SVG}circle")]


def test_every_point_of_every_line_is_drawn_within_the_axes() -> None:
    text = plot("t", "x", "y", {"ours": [(20, 8.0), (5, 4.0)], "peer": [(5, 2.0), (20, 16.0)]})
    found = circles(text)

    assert len(found) == 4
    assert all(LEFT <= x <= WIDTH - RIGHT and TOP <= y <= HEIGHT for x, y in found)
    # Sorted along the axis, and higher where the value is larger.
    assert found[0][0] < found[1][0]
    assert found[0][1] > found[1][1]
    assert len(list(ElementTree.fromstring(text).iter(f"{SVG}polyline"))) == 2


def test_names_are_escaped() -> None:
    text = plot('a < b & "c"', "<x>", "y", {"<ours>": [(1, 1.0)]})
    root = ElementTree.fromstring(text)

    assert [one.text for one in root.iter(f"{SVG}title")] == ['a < b & "c"']
    assert "<ours>" in {one.text for one in root.iter(f"{SVG}text")}


@pytest.mark.parametrize("lines", [{}, {"ours": []}, {"ours": [(1, 0.0)]}, {"ours": [(1, 5.0), (1, 5.0)]}])
def test_few_points_make_a_plot_too(lines: dict[str, list[tuple[float, float]]]) -> None:
    text = plot("t", "x", "y", lines)

    ElementTree.fromstring(text)
    assert not re.search(r"nan|inf", text)


def test_an_axis_over_decades_is_logarithmic() -> None:
    axis = Axis("x", 1, 1000, 100, 400, is_log=True)

    assert [axis.at(value) for value in (1, 10, 100, 1000)] == pytest.approx([100, 200, 300, 400])
    assert axis.ticks() == [1, 10, 100, 1000]


def test_values_far_apart_are_drawn_over_whole_decades() -> None:
    wide = axis("y", [45.0, 12_000.0], 0, 100, from_nothing=True)
    narrow = axis("y", [45.0, 120.0], 0, 100, from_nothing=True)

    assert (wide.low, wide.high, wide.is_log) == (10.0, 100_000.0, True)
    assert (narrow.low, narrow.high, narrow.is_log) == (0.0, 126.0, False)


def test_an_axis_has_round_ticks_within_its_range() -> None:
    assert Axis("x", 0, 23, 0, 1).ticks() == [0, 5, 10, 15, 20]
    assert Axis("x", 20, 100, 0, 1).ticks() == [20, 40, 60, 80, 100]


@pytest.mark.parametrize(("rough", "step"), [(0.3, 0.5), (1, 1), (1.1, 2), (4.6, 5), (5.5, 10), (0, 1)])
def test_a_step_is_one_two_or_five_times_a_power_of_ten(rough: float, step: float) -> None:
    assert nice_step(rough) == pytest.approx(step)
