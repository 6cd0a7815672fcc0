"""Kinds of fields: they take exactly what they publish, and nothing is lost on the way to storage and back."""

import json
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from rest_framework.serializers import ValidationError

from dex import Side
from orders.api.exceptions import validation_problem
from orders.api.serializers import TypeField
from orders.order_types import ORDER_TYPES, OrderLike, OrderType, Part, merge_fields, part_of
from orders.order_types.base import MarketView
from orders.order_types.fields import (
    BPS,
    FLAG,
    PRICE,
    TIME,
    Kind,
    MemberErrors,
    RequestField,
    choice,
    group,
    load_terms,
    request_field,
    show_terms,
    store_terms,
    whole,
)
from orders.scalars import ScalarError
from orders.tests.factories import terms
from orders.tests.order_types.requests import NOW
from orders.tests.published_schema import exactly


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """Members of an object."""

    slices: int = request_field(whole(2, 500), "How many.", required=True)
    jitter_bps: Decimal | None = request_field(BPS, "How irregular.")


KINDS = {"time": TIME, "price": PRICE, "bps": BPS, "flag": FLAG, "whole": whole(2, 500), "choice": choice("up", "down")}
KINDS |= {"group": group(Schedule)}
GOOD: dict[str, list[Any]] = {
    "time": ["2999-01-01T00:00:00Z", "2999-01-01t01:02:03.456789+05:30"],
    "price": ["0.000000000000000000000000000000000000000000000001", "150", "150.00"],
    "bps": ["0", "10000", 57.01, 3],
    "flag": [True, False],
    "whole": [2, 500, 3.0],
    "choice": ["up", "down"],
    "group": [{"slices": 2}, {"slices": 3.0, "jitter_bps": "5.50"}],
}
CASES = [(KINDS[name], value) for name, values in GOOD.items() for value in values]


@pytest.mark.parametrize(("kind", "value"), CASES, ids=[str(value) for _, value in CASES])
def test_a_value_is_stored_and_shown_without_loss(kind: Kind, value: Any) -> None:
    read = kind.read(value)
    stored = orjson.loads(orjson.dumps(kind.store(read)))
    shown = json.loads(json.dumps(kind.show(read)))

    assert kind.load(stored) == read
    assert kind.read(shown) == read
    assert Draft202012Validator(dict(kind.shown_schema)).is_valid(shown)


@pytest.mark.parametrize("kind", KINDS.values(), ids=list(KINDS))
@given(
    st.none() | st.booleans() | st.integers(-3, 10_001) | st.floats(allow_nan=False, allow_infinity=False)
    | st.sampled_from([value for values in GOOD.values() for value in values])
    | st.fixed_dictionaries({}, optional={"slices": st.integers(0, 9), "jitter_bps": st.sampled_from(["5", "x", 1])})
    | st.text("0123456789.eE+-_ upTZ:", max_size=12)
)  # fmt: skip
def test_it_takes_what_it_publishes(kind: Kind, value: Any) -> None:
    """Numbers are exact for the validator, and `$` is the end as in ECMAScript."""
    schema = json.loads(json.dumps(kind.schema).replace('$"', '\\\\Z"'), parse_float=exactly)
    exact = exactly(repr(value)) if isinstance(value, float) else value
    is_published = Draft202012Validator(schema).is_valid(exact)

    if is_published:
        kind.read(value)
    else:
        with pytest.raises(ScalarError):
            kind.read(value)


def test_each_member_of_an_object_is_refused_by_its_name() -> None:
    with pytest.raises(MemberErrors) as caught:
        KINDS["group"].read({"slices": 1, "jitter_bps": None, "slice": 3})
    wrong = {name: error.code for name, error in caught.value.errors.items()}
    with pytest.raises(MemberErrors, match="slices: is needed"):
        KINDS["group"].read({})
    with pytest.raises(ScalarError, match="must be an object"):
        KINDS["group"].read([])

    assert wrong == {"slices": "invalid", "jitter_bps": "invalid", "slice": "unknown_field"}


def test_the_api_names_a_member_by_its_pointer() -> None:
    field = TypeField(RequestField(KINDS["group"], "When."), required=False, allow_null=True)

    with pytest.raises(ValidationError) as caught:
        field.run_validation({"slices": "3"})

    [error] = validation_problem({"twap": caught.value.detail}).errors
    assert (error.pointer, error.code) == ("/twap/slices", "invalid")


def test_an_object_comes_from_the_command_line_as_json() -> None:
    assert KINDS["group"].from_text('{"slices": 3}') == {"slices": 3}
    with pytest.raises(ScalarError, match="must be a JSON object"):
        KINDS["group"].from_text("slices=3")


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """Own terms with a required and two optional fields."""

    start_at: datetime = request_field(TIME, "From then on.", required=True)
    limit_price: Decimal | None = request_field(PRICE, "Not worse.")
    slices: int = request_field(KINDS["whole"], "How many.", default=10)


START = datetime.fromisoformat("2999-01-01T00:00:00Z")


def test_defaults_are_stored_and_shown() -> None:
    own = Sample(start_at=START)

    assert store_terms(own) == {"start_at": "2999-01-01T00:00:00.000Z", "slices": 10}
    assert load_terms(Sample, store_terms(own)) == own
    assert show_terms(own) == {"start_at": "2999-01-01T00:00:00.000Z", "limit_price": None, "slices": 10}
    full = Sample(start_at=START, limit_price=Decimal("150.0"), slices=3)
    assert load_terms(Sample, json.loads(json.dumps(store_terms(full)))) == full


@pytest.mark.parametrize("stored", [{}, {"start_at": "2999-01-01T00:00:00.000Z", "trail_bps": "5"}])
def test_terms_that_the_type_did_not_store_are_refused(stored: dict[str, Any]) -> None:
    with pytest.raises(TypeError, match=r"start_at|trail_bps"):
        load_terms(Sample, stored)


class Sliced(OrderType[Sample]):
    """A type that asks for a part of an order, and is no parent."""

    name = "sliced"
    terms_class = Sample

    def becomes(self, order: OrderLike, left: int, market: MarketView) -> list[Part]:
        return [Part(left // 2, order.terms)]


def test_a_type_that_asks_for_a_part_and_is_no_parent_is_not_executed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(ORDER_TYPES, "sliced", Sliced())

    assert part_of("market", terms(), NOW) == Part(10**9, terms().terms)
    with pytest.raises(NotImplementedError, match="a sliced order that is no parent asks for other parts"):
        part_of("sliced", terms(side=Side.EXACT_IN), NOW)


def test_two_types_mean_the_same_by_one_name() -> None:
    @dataclass(frozen=True, slots=True, kw_only=True)
    class Other:
        slices: str | None = request_field(KINDS["choice"], "Something else.")

    class Odd(OrderType[Other]):
        name = "odd"
        terms_class = Other

    assert list(merge_fields([Sliced(), Sliced()])) == ["start_at", "limit_price", "slices"]
    with pytest.raises(ValueError, match="odd reads the field slices in another way"):
        merge_fields([Sliced(), Odd()])
