"""How the newest orders went: each figure can be counted from the orders that the API shows."""

from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from django.db import connection
from hypothesis import given
from hypothesis import strategies as st

from dex import Engine
from orders.models import Account, OrderEvent
from orders.presentation.recent import PARTS, RECENT, AtVenue, Ended, Recent, quantile
from orders.services import recent
from orders.tests.factories import new_account, place, terms
from orders.tests.http_client import Api

Drive = Callable[..., None]
AT = datetime(2026, 3, 1, 12, tzinfo=UTC)


def ended(outcome: str = "filled", venues: str = "orca", **changes: Any) -> Ended:
    """An order that was quoted 10,000 atoms and received as many."""
    executed = 10_000 if outcome == "filled" else None
    facts: dict[str, Any] = {
        "outcome": outcome, "side": "exact_in", "is_immediate": True, "created_at": AT, "took_ms": 100,
        "venues": frozenset(venues.split()), "quote_ms": 5, "quoted": 10_000, "executed": executed,
    }  # fmt: skip
    return Ended(**(facts | changes))


@given(st.lists(st.integers(0, 10**6), min_size=1, max_size=300), st.sampled_from([1, 50, 99, 100]))
def test_a_quantile_is_the_least_value_that_enough_are_not_above(values: list[int], percent: int) -> None:
    found = quantile(values, percent)

    assert found in values
    assert found is not None
    assert sum(value <= found for value in values) * 100 >= percent * len(values)
    assert sum(value < found for value in values) * 100 < percent * len(values)


@given(st.lists(st.sampled_from(["", "orca", "meteora", "orca meteora"]), max_size=60))
def test_each_order_is_in_one_part_of_the_trend_of_each_of_its_venues(routes: list[str]) -> None:
    found = Recent([ended(venues=route) for route in routes])
    counts = Counter(venue for route in routes for venue in route.split())

    assert {at.venue: len(at.orders) for at in found.venues} == counts
    for at in found.venues:
        assert len(at.trend) == PARTS
        assert sum(at.trend) == counts[at.venue]


def test_the_trend_begins_with_the_oldest() -> None:
    newest_first = [ended(venues="orca")] * 10 + [ended(venues="meteora")] * 10

    assert [(at.venue, at.trend) for at in Recent(newest_first).venues] == [
        ("meteora", [2] * 5 + [0] * 5),
        ("orca", [0] * 5 + [2] * 5),
    ]


def test_orders_that_were_called_off_say_nothing_of_a_venue() -> None:
    shown = RECENT.render(Recent([ended(), ended("slippage"), ended("cancelled"), ended("expired"), ended()]))

    assert {name: shown[name] for name in ("orders", "measured")} == {"orders": 5, "measured": 3}
    [orca] = shown["venues"]
    assert {name: orca[name] for name in ("orders", "filled", "failed", "fill_rate_bps")} == {
        "orders": 5, "filled": 2, "failed": 1, "fill_rate_bps": "6666.6667",
    }  # fmt: skip


def test_slippage_is_the_median_cost_on_both_sides() -> None:
    gained = ended(executed=10_010)
    lost = ended(executed=9_980)
    dearer = ended(side="exact_out", executed=10_005)
    at = AtVenue("orca", [gained, lost, dearer, ended("slippage")], [])

    assert at.vs_quote_bps == "5"
    assert AtVenue("orca", [ended("slippage")], []).vs_quote_bps is None


def test_without_orders_nothing_is_known() -> None:
    assert RECENT.render(Recent([])) == {
        "orders": 0, "since": None, "measured": 0, "took_ms_p50": None, "took_ms_p99": None, "venues": [],
    }  # fmt: skip


@pytest.mark.django_db(transaction=True)
def test_the_figures_are_those_of_the_orders_that_the_api_shows(account: Account, engine: Engine, drive: Drive) -> None:
    """Another account's orders, parents and open ones are not among them."""
    twap = terms(
        order_type="twap",
        type_terms={"twap": {"slices": 2, "interval_s": 3600, "jitter_percent": 0, "catch_up": "skip"}},
    )
    *own, _ = place(account, terms(), terms(amount=5 * 10**9), terms(min_amount_out=10**12), twap)
    drive(orders=[order.id for order in [*own, *place(new_account(), terms())]])
    api = Api(account)
    shown = api.get("reports/recent").json()
    orders = [
        one for one in api.get("orders?limit=100").json()["results"] if one["outcome"] and one["slices_done"] is None
    ]

    assert shown["orders"] == len(orders)
    assert shown["measured"] == 3
    assert shown["since"] == min(one["created_at"] for one in orders)
    assert shown["took_ms_p50"] <= shown["took_ms_p99"]
    through = Counter(
        venue for one in orders if one["route"] for venue in {swap["venue"] for swap in one["route"]["swaps"]}
    )
    assert {at["venue"]: at["orders"] for at in shown["venues"]} == through
    filled = Counter(
        venue
        for one in orders
        if one["outcome"] == "filled"
        for venue in {swap["venue"] for swap in one["route"]["swaps"]}
    )
    assert {at["venue"]: at["filled"] for at in shown["venues"]} == filled
    took = set(OrderEvent.objects.filter(account=account, status="BUILDING").values_list("took_ms", flat=True))
    assert {at["quote_ms_p50"] for at in shown["venues"]} <= took


@pytest.mark.django_db
def test_the_read_is_bounded_and_by_indexes(account: Account) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute("SET LOCAL enable_bitmapscan = off")
        cursor.execute(f"EXPLAIN (FORMAT TEXT) {recent._RECENT}", {"account": account.pk, "most": recent.MOST})
        plan = "\n".join(row[0] for row in cursor.fetchall())

    for index in ("order_filled", "order_failed"):
        assert f"using {index} on orders_order" in plan
    assert "event_seq_unique" in plan
    assert plan.count("Limit") >= 3
