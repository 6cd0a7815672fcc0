"""The suite's arithmetic: medians, quantiles, ratios, goals, CPU of process trees, and its table."""

import os
import subprocess
import sys
from typing import Any

import pytest

from benchmarks.suite.figures import Goal, median, quantile, ratio
from benchmarks.suite.meter import Usage, look_at
from benchmarks.suite.parts import late_to_early
from benchmarks.suite.processes import cpu_ns, parents, root_of
from benchmarks.suite.rows import OURS, PEER, ROWS, results
from benchmarks.suite.table import shown, table


@pytest.mark.parametrize(
    ("share", "expected"),
    [(0.0, 1.0), (0.25, 1.0), (0.26, 2.0), (0.5, 2.0), (0.75, 3.0), (0.76, 4.0), (0.99, 4.0), (1.0, 4.0)],
)
def test_a_quantile_is_a_value_that_was_measured(share: float, expected: float) -> None:
    assert quantile([3.0, 1.0, 4.0, 2.0], share) == expected


def test_nothing_measured_has_no_quantile_median_or_ratio() -> None:
    assert quantile([], 0.5) is None
    assert median([]) is None
    assert median([None, None]) is None
    assert ratio(1.0, None) is None
    assert ratio(None, 1.0) is None
    assert ratio(1.0, 0.0) is None


def test_processes_of_whoever_measures_are_left_out() -> None:
    roots = {"tests": os.getpid()}
    with subprocess.Popen((sys.executable, "-c", "input()"), stdin=subprocess.PIPE) as child:
        found, without = look_at(roots), look_at(roots, {child.pid})
        child.communicate(b"\n")

    assert {os.getpid(), child.pid} <= found.keys()
    assert os.getpid() in without
    assert child.pid not in without


def test_a_median_leaves_out_turns_without_a_figure() -> None:
    assert median([5.0, None, 1.0, 3.0]) == 3.0
    assert median([1.0, 2.0]) == 1.5


@pytest.mark.parametrize(
    ("goal", "figure", "verdict"),
    [
        (Goal(1.0, 1.5), 1.0, "reached"),
        (Goal(1.0, 1.5), 1.01, "short"),
        (Goal(1.0, 1.5), 1.5, "short"),
        (Goal(1.0, 1.5), 1.51, "missed"),
        (Goal(3.0, 2.0, more=True), 3.0, "reached"),
        (Goal(3.0, 2.0, more=True), 2.99, "short"),
        (Goal(3.0, 2.0, more=True), 1.99, "missed"),
        (Goal(1.0, 1.5), None, ""),
    ],
)
def test_a_figure_is_judged_by_its_goal(goal: Goal, figure: float | None, verdict: str) -> None:
    assert goal.verdict(figure) == verdict


def test_a_goal_says_what_it_asks() -> None:
    assert str(Goal(1.0, 1.5)) == "<= 1 (1.5)"
    assert str(Goal(0.5, 0.5, more=True)) == ">= 0.5"


def test_a_row_compares_medians_with_the_peers_figure_that_it_names() -> None:
    figures = {
        OURS: {"batch.orders_per_s": [900.0, 3000.0, 2000.0], "batch.cpu_ms": [0.6], "single.cpu_ms": [2.0]},
        PEER: {"single.orders_per_s": [1000.0, 500.0, 800.0], "single.cpu_ms": [1.0]},
    }
    found = {one.row.name: one for one in results(figures)}

    batch = found["batch.orders_per_s"]
    assert (batch.ours, batch.peers, batch.ratio, batch.verdict) == (2000.0, 800.0, 2.5, "short")
    # Judged by our own figure, though the ratio is shown.
    cpu = found["batch.cpu_ms"]
    assert (cpu.ours, cpu.peers, cpu.ratio, cpu.verdict) == (0.6, 1.0, 0.6, "short")
    assert found["single.cpu_ms"].verdict == "missed"
    idle = found["idle.transactions"]
    assert (idle.ours, idle.ratio, idle.verdict) == (None, None, "")


def test_rows_are_told_apart_by_name() -> None:
    assert len({row.name for row in ROWS}) == len(ROWS)


@pytest.mark.parametrize(
    ("value", "text"),
    [(None, "-"), (0.0, "0"), (0.0312, "0.0312"), (1.0, "1"), (12.345, "12.3"), (99.96, "100"), (1234.5, "1,234")],
)
def test_figures_are_shown_with_three_digits(value: float | None, text: str) -> None:
    assert shown(value) == text


def test_the_table_aligns_figures_and_ends_lines_without_blanks() -> None:
    figures = {OURS: {"single.orders_per_s": [278.0]}, PEER: {"single.orders_per_s": [1089.0]}}
    lines = table(results(figures)).splitlines()
    head, single = lines[0], lines[1]

    assert len(lines) == len(ROWS) + 1
    assert single.split("  ")[0] == "one order per request, 50 connections"
    assert single.split()[-5:] == ["0.255", ">=", "1", "(0.85)", "missed"]
    assert head.index("ours") + len("ours") == single.index("278") + len("278")
    assert head.index("peer") + len("peer") == single.index("1,089") + len("1,089")
    assert all(line == line.rstrip() for line in lines)


def test_cpu_counts_from_the_first_look_and_of_new_processes_from_their_start() -> None:
    usage = Usage()
    usage.look({1: ("web", 500), 2: ("postgres", 70)}, is_first=True)
    usage.look({1: ("web", 900), 2: ("postgres", 80), 3: ("postgres", 25)})
    # 3 has ended: what it had used is kept.
    usage.look({1: ("web", 1000), 2: ("postgres", 85)})

    assert usage.by_name() == {"web": 500, "postgres": 15 + 25}


def test_a_number_that_is_another_process_now_adds_to_what_the_first_had_used() -> None:
    usage = Usage()
    usage.look({1: ("worker", 100)}, is_first=True)
    usage.look({1: ("worker", 300)})
    usage.look({1: ("worker", 40)})
    usage.look({1: ("worker", 60)})

    assert usage.by_name() == {"worker": 200 + 60}


def test_a_process_belongs_to_the_nearest_root_above_it() -> None:
    above = {1: 0, 10: 1, 11: 10, 12: 11, 20: 1}

    assert root_of(12, [10], above) == 10
    assert root_of(12, [10, 11], above) == 11
    assert root_of(10, [10], above) == 10
    assert root_of(20, [10], above) == 0
    assert root_of(99, [10], above) == 0


def test_a_process_is_found_below_its_parent_with_its_cpu_time() -> None:
    pid = os.getpid()
    before = cpu_ns(pid)
    sum(range(200_000))
    after = cpu_ns(pid)

    assert parents()[pid] == os.getppid()
    assert before is not None
    assert after is not None
    assert after > before
    assert cpu_ns(2**22 + 1) is None  # above the highest process number of Linux


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        ([(5, 1.0), (5, 2.0), (5, 9.0), (5, 3.0), (5, 6.0)], 4.5 / 1.5),
        ([(10, 2.0), (10, 3.0)], 1.5),
        ([(10, 2.0), (9, 3.0)], None),
        ([], None),
    ],
)
def test_the_last_orders_are_compared_with_the_first(steps: Any, expected: float | None) -> None:
    assert late_to_early(steps, 10) == expected
