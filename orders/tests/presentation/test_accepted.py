"""The answer of an accepted order is what `order_json` makes of it, whichever orders were answered before."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dex import Side
from orders.models import Account, Order
from orders.presentation import accepted
from orders.presentation.accepted import accepted_order_json
from orders.presentation.orders import order_json
from orders.services.inserting import unsaved_order
from orders.tests.factories import terms

AT = datetime(2026, 12, 1, tzinfo=UTC)
LIMIT = {"limit_price": "140"}
few_amounts = st.integers(1, 10**20)
asked: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {"amount": few_amounts, "side": st.sampled_from(list(Side)), "token_in": st.sampled_from(["SOL", "ETH"])},
    optional={
        "order_type": st.just("limit"),
        "client_order_id": st.text("ab", min_size=1, max_size=3),
        "max_slippage_ppm": st.sampled_from([0, 5_000]),
        "min_amount_out": few_amounts,
        "tags": st.dictionaries(st.text("ab", min_size=1), st.text("ab", min_size=1), max_size=2),
        "deny": st.just(["orca"]),
        "max_network_fee": few_amounts,
        "decimals_in": st.sampled_from([6, 9, 18]),
        "expires_at": st.just(AT + timedelta(hours=1)),
        "scenario": st.just("revert"),
    },
)


def stored(account_id: int, at: datetime, changes: dict[str, Any]) -> Order:
    own = {"type_terms": LIMIT} if changes.get("order_type") == "limit" else {}
    order = unsaved_order(Account(id=account_id), terms(**changes, **own))
    order.created_at = order.updated_at = at
    order.due_at = order.due_at or at
    return order


@given(st.lists(st.tuples(st.integers(1, 2), st.integers(0, 10**9), asked), min_size=1, max_size=6))
def test_it_is_what_the_order_is_shown_as(orders: list[tuple[int, int, dict[str, Any]]]) -> None:
    for account_id, us, changes in orders:
        order = stored(account_id, AT + timedelta(microseconds=us), changes)
        for _ in range(2):
            assert list(accepted_order_json(order).items()) == list(order_json(order, at=order.created_at).items())


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("native_decimals", 3),
        ("placed_key", "abc"),
        ("held_value", Decimal(1)),
        ("link_rank", 2),
        ("status", "ROUTING"),
    ],
)
def test_another_value_of_any_other_column_is_another_answer(column: str, value: Any) -> None:
    first, second = stored(1, AT, {}), stored(1, AT, {})
    accepted_order_json(first)
    setattr(second, column, value)

    assert accepted_order_json(second) == order_json(second, at=AT)
    assert accepted_order_json(first) == order_json(first, at=AT)


def test_what_is_kept_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(accepted, "MOST", 3)
    for account_id in range(10):
        accepted_order_json(stored(account_id, AT, {}))

    assert len(accepted._before) <= 3


def test_an_answer_that_is_changed_changes_no_other() -> None:
    changed = accepted_order_json(stored(1, AT, {}))
    changed["status"] = "?"

    assert accepted_order_json(stored(1, AT, {}))["status"] == "PENDING"
