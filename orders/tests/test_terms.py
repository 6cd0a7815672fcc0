"""Stored terms: what was written is read, also what the version before wrote; nothing else is guessed at."""

from dataclasses import fields
from typing import Any

import orjson
import pytest
from django.db import connection
from hypothesis import given
from hypothesis import strategies as st

from orders.models import Account, Order
from orders.pipeline.claim import claim_orders
from orders.pipeline.outlook import due_stages
from orders.states import Stage
from orders.terms import SwapTerms, UnreadableTerms
from orders.tests.factories import place, terms

AMOUNTS = st.integers(1, 2**256)
NAMES = st.lists(st.sampled_from(["meteora", "orca", "raydium", "uniswap_v2"]), unique=True).map(sorted)
TEXT = st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"]), min_size=1, max_size=64)
TERMS = st.builds(
    SwapTerms,
    max_slippage_ppm=st.integers(0, 10**6),
    max_price_impact_ppm=st.none() | st.integers(0, 10**6),
    min_amount_out=st.none() | AMOUNTS,
    max_amount_in=st.none() | AMOUNTS,
    max_quote_age_ms=st.none() | st.integers(1, 600_000),
    max_deviation_ppm=st.none() | st.integers(0, 10**6),
    allow=NAMES.map(tuple),
    deny=NAMES.map(tuple),
    deny_tokens=NAMES.map(tuple),
    max_legs=st.none() | st.integers(1, 16),
    max_hops=st.none() | st.integers(1, 8),
    max_swaps=st.none() | st.integers(1, 32),
    time_in_force=st.sampled_from(["ioc", "fok", "gtc", "gtd"]),
    tags=st.dictionaries(TEXT, TEXT, max_size=3),
    scenario=st.sampled_from(["none", "slippage"]),
    type_terms=st.dictionaries(TEXT, TEXT | AMOUNTS.map(str) | st.booleans(), max_size=2),
)


def stored_by_version_1(terms: SwapTerms) -> dict[str, Any]:
    """As orders/api/intake.py of that version wrote them: every default stated but those of routes."""
    least, most = terms.min_amount_out, terms.max_amount_in
    limits = {name: getattr(terms, name) for name in ("max_legs", "max_hops", "max_swaps")}
    return {
        "max_slippage_ppm": terms.max_slippage_ppm,
        "max_price_impact_ppm": terms.max_price_impact_ppm,
        "min_amount_out": None if least is None else str(least),
        "max_amount_in": None if most is None else str(most),
        "max_quote_age_ms": terms.max_quote_age_ms,
        "allow": list(terms.allow),
        "deny": list(terms.deny),
        **({"deny_tokens": list(terms.deny_tokens)} if terms.deny_tokens else {}),
        **{name: limit for name, limit in limits.items() if limit is not None},
        "time_in_force": terms.time_in_force,
        "tags": terms.tags,
        "scenario": terms.scenario,
    }


@given(TERMS)
def test_what_is_stored_is_read(terms: SwapTerms) -> None:
    assert SwapTerms.from_json(orjson.loads(orjson.dumps(terms.to_json()))) == terms


@given(TERMS.filter(lambda terms: not terms.type_terms and terms.max_deviation_ppm is None))
def test_what_version_1_stored_is_read(terms: SwapTerms) -> None:
    assert SwapTerms.from_json(orjson.loads(orjson.dumps(stored_by_version_1(terms)))) == terms


@given(TERMS)
def test_version_2_states_no_default(terms: SwapTerms) -> None:
    stored = terms.to_json()
    names = {field.name for field in fields(SwapTerms)[1:] if getattr(terms, field.name) != DEFAULTS[field.name]}

    assert stored.keys() == {"v", "max_slippage_ppm", "tags"} | names


DEFAULTS = {field.name: getattr(SwapTerms(0), field.name) for field in fields(SwapTerms)}


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"v": 5}, "terms of version 5 are not read here: this program knows versions 1 to 4"),
        ({"v": "2"}, "terms of version 2 are not read here"),
        ({"limit_price": "150"}, "unexpected keyword argument 'limit_price'"),
    ],
)
def test_terms_of_another_program_are_refused(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(UnreadableTerms, match=words):
        SwapTerms.from_json(SwapTerms(5_000).to_json() | changes)


def test_terms_without_a_slippage_are_refused() -> None:
    with pytest.raises(UnreadableTerms, match="max_slippage_ppm"):
        SwapTerms.from_json({"v": 2})


def test_the_fingerprint_is_that_of_version_1() -> None:
    """Made by that version: by these bytes it is known whether an order that it stored comes again."""
    plain = terms()
    labelled = terms(
        min_amount_out=123, max_legs=2, deny_tokens=["MSOL"], tags={"book": "eu"}, allow=["orca"], time_in_force="fok"
    )

    assert plain.fingerprint().hex() == "c81a95ccd4585ddb87dd272065d7e01c707af53f26a33f1b3681ec0b1fbb0b8e"
    assert labelled.fingerprint().hex() == "8a15ed52266a60921f4ed9514671e0a201559170721afe66c219ea7f02ae23d3"


@pytest.mark.django_db(transaction=True)
def test_a_row_of_version_1_is_an_order_like_any_other(account: Account) -> None:
    wanted = SwapTerms(5_000, min_amount_out=2**200, allow=("orca",), tags={"book": "eu"}, max_hops=2)
    old, _ = place(account, terms(), terms(tags={"book": "us"}))
    _store(old, stored_by_version_1(wanted))

    assert Order.objects.get(pk=old.pk).terms == wanted
    assert list(Order.objects.filter(terms__contains={"tags": {"book": "eu"}})) == [old]
    assert wanted in [order.terms for order in claim_orders(Stage.ROUTE, 10, 60, chain_id="simulated").orders]


@pytest.mark.django_db(transaction=True)
def test_orders_of_a_later_version_are_left_to_it(account: Account) -> None:
    """An earlier program that runs beside it, or again, claims what it can read."""
    later, ours = place(account, terms(), terms())
    _store(later, {"v": 5, "price": "150"})

    assert [order.id for order in claim_orders(Stage.ROUTE, 10, 60, chain_id="simulated").orders] == [ours.id]
    assert due_stages("simulated") == {}
    with pytest.raises(UnreadableTerms, match="version 5"):
        later.refresh_from_db()


def _store(order: Order, stored: dict[str, Any]) -> None:
    with connection.cursor() as cursor:
        cursor.execute("UPDATE orders_order SET terms = %s WHERE id = %s", [orjson.dumps(stored).decode(), order.id])


@pytest.mark.django_db(transaction=True)
def test_orders_of_a_type_that_only_a_later_version_knows_are_left_to_it(account: Account) -> None:
    later, ours = place(account, terms(), terms())
    Order.objects.filter(pk=later.pk).update(order_type="auction")

    assert [order.id for order in claim_orders(Stage.ROUTE, 10, 60, chain_id=ours.chain_id).orders] == [ours.id]
    assert due_stages(ours.chain_id) == {}
