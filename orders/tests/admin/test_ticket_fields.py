"""The desk's data of order types: they cover what the API takes, so that none is out of reach."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from rest_framework import serializers

from dex import FeeStrategy
from dex.chains.scenarios import SCENARIOS
from orders.api.life.links import LEAST
from orders.api.serializers import OrderRequestSerializer
from orders.order_types import FIELDS, ORDER_TYPES
from orders.web.pages import STATIC

DESK = STATIC / "orders" / "desk"
# The ticket makes these itself: its two amounts, its tokens, its tabs, and the quote that it shows.
OWN = {"/token_in", "/token_out", "/amount", "/side", "/type", "/quote_id"}


def data(name: str) -> Any:
    """An object of order_types.js, which is written as JSON."""
    text = (DESK / "order_types.js").read_text()
    found = re.search(rf"^export const {name} = (\{{.*?^\}});$", text, re.MULTILINE | re.DOTALL)
    assert found, name
    return json.loads(found[1])


def pointers(serializer: serializers.Serializer[Any], prefix: str = "") -> Iterator[str]:
    """Every member of a request that is not an object of members itself."""
    for name, field in serializer.fields.items():
        if isinstance(field, serializers.Serializer):
            yield from pointers(field, f"{prefix}/{name}")
        elif name in FIELDS and FIELDS[name].kind.schema.get("type") == "object":
            yield from (f"/{name}/{member}" for member in FIELDS[name].kind.schema["properties"])
        else:
            yield f"{prefix}/{name}"


def test_every_order_type_is_on_the_ticket_with_its_times_in_force() -> None:
    assert {name: tuple(entry["times"]) for name, entry in data("TYPES").items()} == {
        name: known.times_in_force for name, known in ORDER_TYPES.items()
    }


def test_every_field_of_a_request_is_on_the_ticket() -> None:
    assert set(data("FIELDS")) == set(pointers(OrderRequestSerializer())) - OWN


@pytest.mark.parametrize("name", ORDER_TYPES)
def test_a_type_offers_the_fields_that_it_takes_and_asks_for_those_that_it_needs(name: str) -> None:
    entry = data("TYPES")[name]
    groups = {each: FIELDS[each].kind.schema.get("properties", {}) for each in ORDER_TYPES[name].fields}
    taken = {f"/{each}/{member}" for each, members in groups.items() for member in members}
    taken |= {f"/{each}" for each, members in groups.items() if not members}

    offered = [*entry["needs"], *entry["takes"], *entry["rare"]]
    assert len(offered) == len(set(offered))
    of_the_type = {each for each in offered if each[1:].partition("/")[0] in FIELDS}
    assert of_the_type == taken
    # A price guard may be stated for every type, and has to be for a sniper: one of the two, by its side.
    guards = {"/guards/min_amount_out", "/guards/max_amount_in"} if name == "sniper" else set()
    limit = {"/limit_price"} if name in {"limit", "stop_limit"} else set()
    assert {each for each in entry["needs"] if each not in guards} == {
        each for each in taken if required_by(name, each)
    } | limit
    assert set(entry["needs"]) & {"/guards/min_amount_out", "/guards/max_amount_in"} == guards
    assert {"/time_in_force", "/expires_at"} <= set(offered)


def required_by(name: str, pointer: str) -> bool:
    """The same, of one type: two may take a field, of which one needs it."""
    field, _, member = pointer[1:].partition("/")
    known = ORDER_TYPES[name].fields[field]
    return member in known.kind.schema["required"] if member else known.is_required


def test_a_choice_offers_the_words_that_the_api_takes_with_the_default_first() -> None:
    words = {pointer: list(entry["words"]) for pointer, entry in data("FIELDS").items() if entry["kind"] == "choice"}

    assert words.pop("/sim/scenario") == list(SCENARIOS)
    strategies = words.pop("/fee/strategy")
    assert set(strategies) == set(FeeStrategy)
    assert strategies[0] == FeeStrategy.NORMAL
    for pointer, offered in words.items():
        name, _, member = pointer[1:].partition("/")
        schema = FIELDS[name].kind.schema
        assert set(offered) == set((schema["properties"][member] if member else schema)["enum"]), pointer
        default = FIELDS[name].default
        if not member:
            assert offered[0] == default, pointer


def test_types_that_can_be_linked_say_so() -> None:
    linked = {name for name, entry in data("TYPES").items() if entry.get("links")}

    assert linked == {name for name, known in ORDER_TYPES.items() if not known.is_sliced}
    assert set(LEAST) == {"one_cancels_other", "then", "bracket"}
    text = (DESK / "links.js").read_text()
    assert all(f'"{word}"' in text for word in LEAST)


def test_no_two_fields_have_the_same_name_on_the_form() -> None:
    names = [pointer.rpartition("/")[2] for pointer in data("FIELDS")]
    assert len(names) == len(set(names))
