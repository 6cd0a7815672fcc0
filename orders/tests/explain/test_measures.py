"""Benchmarks and costs in integers: they add up to the atom, for any amounts."""

from dataclasses import replace
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orders.measures import benchmark, cost, share_bps
from orders.presentation.costs import Cost, Measured

ATOMS = st.integers(0, 10**40)
SIDES = st.sampled_from(["exact_in", "exact_out"])
KNOWN = st.builds(Measured, SIDES, st.integers(0, 36), ATOMS, ATOMS, ATOMS, ATOMS, ATOMS, ATOMS)


def atoms(found: Cost | None) -> int:
    assert found is not None
    return found.atoms


@given(KNOWN)
def test_the_steps_add_up_to_the_shortfall(m: Measured) -> None:
    market = atoms(m.cost(m.mid, m.quoted))

    assert atoms(m.vs_arrival) == atoms(m.cost(m.arrival, m.mid)) + market + atoms(m.cost(m.quoted, m.executed))
    assert market == atoms(m.cost(m.mid, m.marginal)) + atoms(m.cost(m.marginal, m.quoted))
    assert atoms(m.total) == atoms(m.vs_arrival) + atoms(m.fee)


@given(KNOWN)
def test_a_cost_is_positive_where_the_owner_has_lost(m: Measured) -> None:
    """exact_in receives less than it was worth, exact_out gives more."""
    assert m.executed is not None
    lost = (m.arrival or 0) - m.executed if m.side == "exact_in" else m.executed - (m.arrival or 0)

    assert atoms(m.vs_arrival) == lost


@given(KNOWN, st.sampled_from(["arrival", "mid", "marginal", "quoted", "executed", "network_fee"]))
def test_what_is_not_known_is_not_made_up(m: Measured, name: str) -> None:
    unknown: Any = {name: None}
    without = replace(m, **unknown)
    steps = {
        ("arrival", "executed"): without.vs_arrival,
        ("quoted", "executed"): without.cost(without.quoted, without.executed),
        ("arrival", "mid"): without.cost(without.arrival, without.mid),
        ("network_fee",): without.fee,
        ("arrival", "executed", "network_fee"): without.total,
    }

    for needed, found in steps.items():
        assert (found is None) == (name in needed)


@given(SIDES, st.integers(1, 10**30), st.integers(1, 10**30), st.integers(1, 10**30))
def test_a_benchmark_never_overstates_a_cost(side: str, amount_in: int, amount_out: int, paid: int) -> None:
    """The exact value is at most one atom away, on the side that makes the cost smaller."""
    found = benchmark(side, amount_in, amount_out, paid)
    exact = Fraction(paid) if side == "exact_in" else Fraction(amount_in * amount_out, paid)

    assert found is not None
    assert 0 <= (found - exact if side == "exact_out" else exact - found) < 1
    assert cost(side, found, amount_out if side == "exact_in" else amount_in) is not None


@pytest.mark.parametrize("unknown", [(None, 1, 1), (1, None, 1), (1, 1, None), (1, 1, 0), (0, 1, 1)])
def test_no_benchmark_without_all_of_it(unknown: tuple[int | None, int | None, int | None]) -> None:
    for side in ("exact_in", "exact_out"):
        assert benchmark(side, *unknown) is None


@pytest.mark.parametrize(
    ("part", "of", "shown"),
    [
        (1, 10_000, "1"),
        (-1, 10_000, "-1"),
        (0, 7, "0"),
        (1, 3, "3333.3333"),
        (-2, 3, "-6666.6667"),
        (1, 10**12, "0"),
        (-1, 10**12, "0"),
        (1, 2 * 10**8, "0"),  # half a unit of the last place goes to the even one
        (3, 2 * 10**8, "0.0002"),
        (10**50, 10**46, "100000000"),
        (1, 0, None),
        (None, 1, None),
        (1, None, None),
        (1, -5, None),
    ],
)
def test_basis_points_are_exact_text_rounded_half_to_even(part: int | None, of: int | None, shown: str | None) -> None:
    assert share_bps(part, of) == shown
