"""Order type x side x time in force x guard x link, cell by cell, as the tables of the page on order types have it.

A cell is taken, and the order stored as it was asked for, or it is refused with the field and the reason.
"""

from datetime import datetime
from itertools import product
from typing import Any

import pytest

from dex import Engine
from orders.models import Account, Order
from orders.order_types import ORDER_TYPES
from orders.problems import KINDS, Problem
from orders.tests.http_client import Api
from orders.tests.order_types.combinations import (
    EXPIRES_AT,
    GUARDS,
    LINKS,
    REFUSED,
    SIDES,
    WORDS,
    Cell,
    guard_table,
    link_table,
    times_table,
)
from orders.tests.order_types.requests import judged

# No guard, each by itself, and what each side may state at once.
GUARD_SETS = (
    (),
    *((name,) for name in GUARDS),
    *(tuple(name for name in GUARDS if guard_table()[name][side] != REFUSED) for side in SIDES),
    tuple(GUARDS),
)
CELLS = {name: [Cell(name, *rest) for rest in product(SIDES, (None, *WORDS), GUARD_SETS)] for name in ORDER_TYPES}
# Of each type, side and time in force one with every guard that it may state.
FULL = [
    cell for cells in CELLS.values() for cell in cells if len(cell.guards) == len(GUARDS) - 1 and cell.refusal is None
]


def test_the_tables_have_every_type_guard_and_link_once_and_say_nothing_else() -> None:
    assert times_table().keys() == link_table().keys() == ORDER_TYPES.keys()
    assert guard_table().keys() == GUARDS.keys()
    assert {cell for row in link_table().values() for cell in row.values()} == {"taken", REFUSED}
    assert {cell.partition(";")[0] for row in guard_table().values() for cell in row.values()} == {"taken", REFUSED}


@pytest.mark.parametrize("name", ORDER_TYPES)
def test_each_cell_is_stored_as_asked_or_refused_with_field_and_reason(name: str) -> None:
    seen = set()
    for cell in CELLS[name]:
        result = judged(cell.request)
        if isinstance(result, Problem):
            assert [(error.pointer, error.code) for error in result.errors] == [cell.refusal], cell
            assert result.code in KINDS
            assert all(len(error.detail) > 10 for error in result.errors), cell
        else:
            assert cell.refusal is None, cell
            assert (result.order_type, result.side) == (name, cell.side)
            assert {term: getattr(result.terms, term) for term in cell.terms} == cell.terms, cell
            assert (result.expires_at is not None) == (cell.word == "gtd")
            assert result.amount == 2_500_000_000 // (1 if cell.side == "exact_in" else 1_000)
        seen.add(cell.refusal and cell.refusal[1])
    assert {None, "guard_side"} <= seen


@pytest.mark.django_db(transaction=True)
def test_what_is_taken_is_stored_and_answered_as_asked(account: Account, monkeypatch: Any, engine: Engine) -> None:
    monkeypatch.setattr("orders.api.batch.get_engine", lambda: engine)
    requests = [cell.request | {"client_order_id": str(number)} for number, cell in enumerate(FULL)]
    assert len(FULL) > 2 * 2 * len(ORDER_TYPES)

    answer = Api(account).post("orders/batch", {"orders": requests})

    assert answer.status_code == 201, answer.content
    stored = {order.client_order_id: order for order in Order.objects.all()}
    for number, (cell, result) in enumerate(zip(FULL, answer.json()["results"], strict=True)):
        order, shown = stored[str(number)], result["order"]
        assert {term: getattr(order.terms, term) for term in cell.terms} == cell.terms, cell
        assert (order.order_type, order.side) == (cell.order_type, cell.side)
        assert order.expires_at == (datetime.fromisoformat(EXPIRES_AT) if cell.word == "gtd" else None)
        assert (shown["type"], shown["side"], shown["time_in_force"]) == (*cell[:2], cell.terms["time_in_force"])
        assert {name: shown["guards"][name] for name in cell.guards} == cell.request["guards"], cell


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("link", LINKS)
def test_a_link_takes_what_its_table_takes_and_names_what_it_refuses(
    account: Account, link: str, monkeypatch: Any, engine: Engine
) -> None:
    """First with a cell that it refuses among them, which stores none; then without."""
    monkeypatch.setattr("orders.api.batch.get_engine", lambda: engine)
    api = Api(account)
    refused = api.post("orders/batch", {"orders": [cell.request for cell in FULL], "link": link})
    assert (refused.status_code, refused.json()["code"]) == (422, "batch_refused")
    for cell, result in zip(FULL, refused.json()["facts"]["results"], strict=True):
        errors = [(error["pointer"], error["code"]) for error in result.get("error", {}).get("errors", [])]
        assert errors == ([("/link", "invalid")] if link_table()[cell.order_type][link] == REFUSED else []), cell
    assert not Order.objects.exists()

    linked = [cell for cell in FULL if link_table()[cell.order_type][link] != REFUSED]
    answer = api.post("orders/batch", {"orders": [cell.request for cell in linked], "link": link})

    assert answer.status_code == 201, answer.content
    ranks = {"one_cancels_other": [0] * len(linked), "then": range(len(linked)), "bracket": [0, *[1] * len(linked)]}
    kind = "one_cancels_other" if link == "one_cancels_other" else "then"
    for cell, rank, result in zip(linked, ranks[link], answer.json()["results"], strict=False):
        order = Order.objects.get(pk=result["order"]["id"])
        assert (order.link, order.link_rank, order.order_type, order.side) == (kind, rank, cell.order_type, cell.side)
        assert {term: getattr(order.terms, term) for term in cell.terms} == cell.terms, cell
    assert len({order.link_id for order in Order.objects.all()}) == 1
    assert Order.objects.count() == len(linked)
