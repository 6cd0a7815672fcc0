"""Amounts: exact both ways, and nothing but plain decimals gets in."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orders.amounts import bps_to_ppm, format_units, parse_units, ppm_to_bps
from orders.scalars import ScalarError


@given(st.integers(1, 10**78 - 1), st.integers(0, 36))
def test_formatting_and_parsing_are_inverse(atoms: int, decimals: int) -> None:
    text = format_units(atoms, decimals)

    if len(text) <= 80:
        assert parse_units(text, decimals) == atoms


@pytest.mark.parametrize(
    ("text", "decimals", "atoms"),
    [("250", 9, 250_000_000_000), ("0.000001", 6, 1), ("35999.18", 18, 35999_180000000000000000), ("1.50", 1, 15)],
)
def test_known_amounts(text: str, decimals: int, atoms: int) -> None:
    assert parse_units(text, decimals) == atoms


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("0", "amount_not_positive"),
        ("0.000", "amount_not_positive"),
        ("-1", "amount_malformed"),
        ("+1", "amount_malformed"),
        ("1e3", "amount_malformed"),
        ("NaN", "amount_malformed"),
        ("Infinity", "amount_malformed"),
        ("", "amount_malformed"),
        (" 1", "amount_malformed"),
        ("1_000", "amount_malformed"),
        ("1,5", "amount_malformed"),
        (".5", "amount_malformed"),
        ("5.", "amount_malformed"),
        ("01", "amount_malformed"),
        ("0x10", "amount_malformed"),
        ("١", "amount_malformed"),
        ("1\x00", "amount_malformed"),
        ("1\n", "amount_malformed"),
        ("9" * 81, "amount_malformed"),
        ("9" * 80, "amount_too_large"),
        ("0.0000001", "amount_too_fine"),
    ],
)
def test_everything_else_is_refused_with_its_code(text: str, code: str) -> None:
    with pytest.raises(ScalarError) as caught:
        parse_units(text, 6)

    assert caught.value.code == code


@given(st.integers(0, 1_000_000))
def test_basis_points_survive_both_ways(ppm: int) -> None:
    assert bps_to_ppm(Decimal(ppm_to_bps(ppm))) == ppm
