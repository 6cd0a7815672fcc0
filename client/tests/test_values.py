"""What requests hold: exact numbers, moments, ids."""

import re
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from fractions import Fraction
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orderengine_client import new_client_order_id
from orderengine_client.values import as_json, id_text, swap_body


@given(st.decimals(allow_nan=False, allow_infinity=False))
def test_a_decimal_keeps_every_digit(number: Decimal) -> None:
    text = as_json(number, "amount")

    assert re.fullmatch(r"-?\d+(\.\d+)?", text)
    assert Fraction(text) == Fraction(number)


@given(st.integers())
def test_a_whole_amount_is_text_and_other_whole_numbers_stay(number: int) -> None:
    assert as_json({"amount": number, "guards": {"min_amount_out": number, "max_quote_age_ms": number}}) == {
        "amount": str(number),
        "guards": {"min_amount_out": str(number), "max_quote_age_ms": number},
    }


@pytest.mark.parametrize(
    "wrong", [{"amount": 0.1}, {"guards": {"max_slippage_bps": 12.5}}, {"twap": {"slices": [1.0]}}, {"from_": 1e9}]
)
def test_a_float_is_refused_wherever_it_stands(wrong: dict[str, Any]) -> None:
    with pytest.raises(TypeError, match="float"):
        as_json(wrong)


@pytest.mark.parametrize("number", ["NaN", "sNaN", "Infinity", "-Infinity"])
def test_a_decimal_that_is_no_number_is_refused(number: str) -> None:
    with pytest.raises(ValueError, match="amount"):
        as_json({"amount": Decimal(number)})


def test_a_moment_is_told_in_utc_and_needs_its_zone() -> None:
    at = datetime(2026, 12, 1, 1, 30, tzinfo=timezone(timedelta(hours=2)))

    assert as_json({"expires_at": at, "twap": {"start_at": at}}) == {
        "expires_at": "2026-11-30T23:30:00Z",
        "twap": {"start_at": "2026-11-30T23:30:00Z"},
    }
    with pytest.raises(ValueError, match="time zone"):
        as_json(at.replace(tzinfo=None))


def test_what_is_not_stated_is_not_sent_and_flags_stay_flags() -> None:
    body = swap_body("SOL", "USDC", 2, {"limit_price": None, "allow_partial": True, "from_": "1", "tags": {"a": "1"}})

    assert body == {
        "token_in": "SOL",
        "token_out": "USDC",
        "amount": "2",
        "allow_partial": True,
        "from": "1",
        "tags": {"a": "1"},
    }


def test_ids_are_uuids_of_version_7_in_the_order_of_time() -> None:
    before = datetime.now(UTC).timestamp() * 1000 - 1
    ids = [UUID(new_client_order_id()) for _ in range(1000)]
    after = datetime.now(UTC).timestamp() * 1000 + 1

    assert {(one.version, one.variant) for one in ids} == {(7, "specified in RFC 4122")}
    assert len(set(ids)) == 1000
    moments = [one.int >> 80 for one in ids]
    assert moments == sorted(moments)
    assert before <= moments[0] <= moments[-1] <= after


@pytest.mark.parametrize("wrong", ["", ".", "..", "../halt", "7/../../halt", "x?dry_run=true", "%2e%2e/halt"])
def test_what_is_no_id_leads_to_no_path(wrong: str) -> None:
    with pytest.raises(ValueError, match="is no id"):
        id_text(wrong)


@given(st.uuids())
def test_an_id_is_one_segment_of_a_path(number: UUID) -> None:
    assert id_text(number) == id_text(str(number)) == str(number)
