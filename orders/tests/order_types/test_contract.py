"""What every order type promises, checked for each that is registered: a new one needs no line of test code for it."""

import json
import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import orjson
import pytest
from django.core.management.base import CommandParser
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from orders.api.serializers import OrderRequestSerializer
from orders.cli.type_options import add_type_options, type_body
from orders.order_types import FIELDS, ORDER_TYPES, TIMES_IN_FORCE, MarketView, OrderType, Progress, Step, Wait
from orders.order_types.fields import value_of
from orders.presentation.orders import EVERY_ORDER
from orders.problems import KINDS, Problem
from orders.terms import SwapTerms
from orders.tests.order_types.requests import (
    NOW,
    SWAP,
    accepted,
    answer,
    body,
    each_example,
    each_type,
    judged,
    read,
    refused,
)
from orders.tests.pages import rows
from orders.tests.published_schema import published

# Of every kind of field each takes some and refuses some.
ODD_VALUES = ["", " ", "x", "-1", "1e2", "0.5", -1, 0.001, 1e99, True, [], {}, [None], "2999-01-01"]
FAR = datetime.fromisoformat("9000-01-01T00:00:00Z")
# A schedule has fewer steps than this.
MOST_WAITS = 1_000


@each_type
def test_its_name_is_that_of_the_registry_and_fits_the_column(order_type: OrderType[Any]) -> None:
    assert ORDER_TYPES[order_type.name] is order_type
    assert re.fullmatch("[a-z][a-z_]{0,31}", order_type.name)


@each_type
def test_its_fields_hide_none_of_every_order(order_type: OrderType[Any]) -> None:
    declared = {*OrderRequestSerializer._declared_fields, *EVERY_ORDER}

    assert declared & order_type.fields.keys() == set()
    assert all(re.fullmatch("[a-z][a-z_]*", name) for name in order_type.fields)
    assert all(field.help_text.endswith(".") for field in order_type.fields.values())


@each_type
def test_its_examples_state_each_of_its_fields_and_times_in_force(order_type: OrderType[Any]) -> None:
    """What no example states is not tested below."""
    orders = [accepted(order_type, example) for example in order_type.examples]

    assert {name for example in order_type.examples for name in example} >= order_type.fields.keys()
    assert {order.terms.time_in_force for order in orders} == set(order_type.times_in_force)
    assert set(order_type.times_in_force) <= set(TIMES_IN_FORCE)


@each_example
def test_the_schema_takes_its_examples(order_type: OrderType[Any], example: Mapping[str, Any]) -> None:
    errors = published("OrderRequest").iter_errors(body(order_type, example))

    assert [error.message for error in errors] == []


@each_example
def test_what_is_stated_is_stored_and_read_back(order_type: OrderType[Any], example: Mapping[str, Any]) -> None:
    order = accepted(order_type, example)
    stored = SwapTerms.from_json(orjson.loads(orjson.dumps(order.terms.to_json())))
    fields = read(body(order_type, example))

    assert stored == order.terms
    own = order_type.own(order)
    for name, field in order_type.fields.items():
        value = fields.get(name)
        assert value_of(own, name) == (field.default if value is None else value)


@each_example
def test_the_answer_shows_what_the_request_could_state(order_type: OrderType[Any], example: Mapping[str, Any]) -> None:
    """Sent again as it is shown it is the same order; fields of other types are null."""
    order = accepted(order_type, example)
    shown = answer(order)
    again = accepted(order_type, {**example} | {name: shown[name] for name in order_type.fields})

    assert [error.message for error in published("OrderShape").iter_errors(shown)] == []
    assert again.terms == order.terms
    assert {name for name in FIELDS if shown[name] is not None} <= order_type.fields.keys()


@each_type
def test_a_value_that_a_field_does_not_take_is_refused_at_the_field(order_type: OrderType[Any]) -> None:
    for name, field in order_type.fields.items():
        odd = [value for value in ODD_VALUES if not Draft202012Validator(dict(field.kind.schema)).is_valid(value)]
        assert odd
        for value in odd:
            problem = refused(body(order_type, {**order_type.examples[0], name: value}))
            assert {error.pointer.split("/")[1] for error in problem.errors} == {name}, (value, problem)
            assert problem.status == 400


@each_type
def test_a_field_that_it_needs_is_missed_at_the_field(order_type: OrderType[Any]) -> None:
    for name in (name for name, field in order_type.fields.items() if field.is_required):
        others = {key: value for key, value in order_type.examples[0].items() if key != name}
        for fields in (others, {**others, name: None}):
            problem = refused(body(order_type, fields))
            assert [(error.pointer, error.code) for error in problem.errors] == [(f"/{name}", "type_field")]


@each_example
def test_without_a_field_that_it_need_not_have_it_works_or_is_refused(
    order_type: OrderType[Any], example: Mapping[str, Any]
) -> None:
    """Left out or null, by itself: no type may count on a field that it does not require."""
    for name in (name for name, field in order_type.fields.items() if not field.is_required and name in example):
        for fields in ({key: value for key, value in example.items() if key != name}, {**example, name: None}):
            result = judged(body(order_type, fields))
            if isinstance(result, Problem):
                assert result.errors
            else:
                assert name in answer(result)
                assert order_type.becomes(result, result.amount, MarketView(FAR))


@each_type
def test_a_field_of_another_type_is_refused_at_the_field(order_type: OrderType[Any]) -> None:
    for other in ORDER_TYPES.values():
        for example in other.examples:
            for name in example.keys() & (FIELDS.keys() - order_type.fields.keys()):
                problem = refused(body(order_type, {**order_type.examples[0], name: example[name]}))
                assert [(error.pointer, error.code) for error in problem.errors] == [(f"/{name}", "type_field")]


@each_type
def test_a_time_in_force_that_it_does_not_take_is_refused(order_type: OrderType[Any]) -> None:
    for word in set(TIMES_IN_FORCE) - set(order_type.times_in_force):
        problem = refused(body(order_type, {**order_type.examples[0], "time_in_force": word}))
        assert [(error.pointer, error.code) for error in problem.errors] == [("/time_in_force", "time_in_force")]


@each_type
def test_gtd_and_a_time_limit_go_together(order_type: OrderType[Any]) -> None:
    plain = {name: value for name, value in order_type.examples[0].items() if name != "expires_at"}
    other = next(word for word in order_type.times_in_force if word != "gtd")
    without = refused(body(order_type, {**plain, "time_in_force": "gtd"}))
    beside = refused(body(order_type, {**plain, "time_in_force": other, "expires_at": "2999-01-01T00:00:00Z"}))

    assert [without.code, beside.code] == ["time_in_force"] * 2
    assert "/time_in_force" in [error.pointer for error in beside.errors]


@each_type
def test_what_it_says_it_refuses_is_refused_with_pointer_and_reason(order_type: OrderType[Any]) -> None:
    for fields, pointer, code in order_type.refusals:
        problem = refused(body(order_type, fields))
        assert [(error.pointer, error.code) for error in problem.errors] == [(pointer, code)]
        assert code in KINDS
        assert len(problem.errors[0].detail) > 10


@each_example
def test_due_is_pure_and_waits_for_what_is_to_come(order_type: OrderType[Any], example: Mapping[str, Any]) -> None:
    """Step by step to the end of each wait the order is due before its schedule could have an end."""
    order, at = accepted(order_type, example), NOW
    for _ in range(MOST_WAITS):
        wait = order_type.due(order, MarketView(at))
        assert order_type.due(order, MarketView(at)) == wait
        if wait is None:
            break
        assert wait.waiting_for in order_type.waits_for
        assert at < wait.until < FAR
        assert order_type.due(order, MarketView(wait.until - timedelta(microseconds=1))) is not None
        at = wait.until
    else:
        pytest.fail(f"after {MOST_WAITS} waits, at {at}, it waits still")


@each_example
@given(filled=st.integers(0, 2**256), more=st.integers(0, 2**256))
def test_what_is_left_is_never_negative_and_never_grows(
    order_type: OrderType[Any], example: Mapping[str, Any], filled: int, more: int
) -> None:
    order = accepted(order_type, example)

    assert order_type.left(order, 0) == order.amount
    assert 0 <= order_type.left(order, filled + more) <= order_type.left(order, filled) <= order.amount
    assert order_type.left(order, order.amount) == 0


@each_example
@given(left=st.integers(1, 2_500_000_000))
def test_what_it_becomes_is_all_that_is_left_under_no_wider_limits(
    order_type: OrderType[Any], example: Mapping[str, Any], left: int
) -> None:
    order = accepted(order_type, example)

    [part] = order_type.becomes(order, left, MarketView(FAR))

    assert part.amount == left
    assert part.terms.max_slippage_ppm <= order.terms.max_slippage_ppm
    assert (part.terms.min_amount_out or 0) >= (order.terms.min_amount_out or 0)
    if order.terms.max_amount_in is not None:
        assert part.terms.max_amount_in is not None
        assert part.terms.max_amount_in <= order.terms.max_amount_in


@each_example
def test_a_parent_has_slices_and_others_none(order_type: OrderType[Any], example: Mapping[str, Any]) -> None:
    """Step by step each slice has its turn once, and what the children are given is all of the amount, exactly.

    What asks the market is given a third of what it asks for, and at last all of it.
    """
    order = accepted(order_type, example)
    if not order_type.is_parent(order):
        with pytest.raises(NotImplementedError):
            order_type.slices(order)
        return
    progress = Progress(NOW, NOW, b"seed", order.decimals_in, order.decimals_out)
    planned = None if order_type.slices(order) is None else order_type.outline(order, progress)
    given: list[int] = []
    for _ in range(MOST_WAITS):
        asked = order_type.asks(order, progress)
        assert asked is None or 0 < asked.amount <= order.amount - progress.allotted
        progress = replace(progress, offered=asked and (-(-asked.amount // 3) if len(given) < 3 else asked.amount))
        step = order_type.step(order, progress)
        assert order_type.step(order, progress) == step
        assert progress.slices_done <= step.slices_done <= (order_type.slices(order) or MOST_WAITS)
        given += [child.amount for child in step.children]
        progress = replace(progress, slices_done=step.slices_done, allotted=sum(given))
        if step.wait is None and (asked is None or sum(given) == order.amount):
            break
        if not isinstance(step.wait, Wait):
            continue
        assert step.wait.waiting_for in order_type.waits_for
        assert progress.at < step.wait.until < FAR
        progress = replace(progress, at=step.wait.until)

    assert order_type.is_sliced == (planned is not None)
    if planned is not None:
        assert progress.slices_done == order_type.slices(order) == len(planned)
        assert given == [item.amount for item in planned]
    assert sum(given) == order.amount or not order_type.waits_on(order)
    last = order_type.step(order, progress)
    assert last == Step((), progress.slices_done, ends_as=last.ends_as)


@each_example
def test_the_command_line_states_the_same(order_type: OrderType[Any], example: Mapping[str, Any]) -> None:
    parser = CommandParser()
    add_type_options(parser)
    stated = {name: value for name, value in example.items() if name in FIELDS}
    words = [word for name, value in stated.items() for word in (f"--{name.replace('_', '-')}", *_as_option(value))]

    options = vars(parser.parse_args(["--type", order_type.name, *words]))

    assert read(SWAP | type_body(options)) == read(SWAP | {"type": order_type.name} | stated)


def _as_option(value: Any) -> list[str]:
    if value is True:
        return []
    return [value if isinstance(value, str) else json.dumps(value)]


@each_type
def test_its_row_in_the_docs_says_what_it_takes(order_type: OrderType[Any]) -> None:
    listed = {row[0].strip("`"): row[1:4] for row in rows("order-types.md") if row[0].startswith("`")}

    assert listed.keys() == ORDER_TYPES.keys()
    assert listed[order_type.name] == [
        _cell(order_type.fields),
        _cell(order_type.times_in_force),
        _cell(order_type.waits_for),
    ]


def _cell(names: Any) -> str:
    return ", ".join(f"`{name}`" for name in names) or "-"
