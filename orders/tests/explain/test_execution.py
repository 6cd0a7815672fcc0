"""What an execution has cost: each step, to the atom, of orders that were really executed."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from dex import Engine
from orders.config import Policy
from orders.models import Account, Order
from orders.plan import SwapPlan
from orders.states import Stage
from orders.tests.factories import place, terms
from orders.tests.http_client import Api
from orders.tests.test_plan import OLD_ROWS
from orders.waiting.trigger_pass import trigger_orders

pytestmark = pytest.mark.django_db(transaction=True)

Drive = Callable[..., None]
BUY: dict[str, Any] = {"side": "exact_out", "token_in": "USDC", "token_out": "SOL", "decimals_in": 6, "decimals_out": 9}


def execution(account: Account, order: Order) -> dict[str, Any]:
    answer = Api(account).get(f"orders/{order.id}/execution")
    assert answer.status_code == 200
    found: dict[str, Any] = answer.json()
    return found


def raw(told: dict[str, Any], *names: str) -> list[int]:
    """Costs in atoms."""
    return [int(told["shortfall"][name]["amount_raw"]) for name in names]


def check_sums(told: dict[str, Any]) -> None:
    total, shortfall, delay, market, slipped = raw(told, "total", "vs_arrival", "delay", "market", "vs_quote")
    fees, impact, network = raw(told, "venue_fees", "price_impact", "network_fee")

    assert shortfall == delay + market + slipped
    assert market == fees + impact
    assert total == shortfall + network
    sign = 1 if told["side"] == "exact_in" else -1
    arrival, executed = int(told["arrival_amount_raw"]), int(told["executed_amount_raw"])
    assert shortfall == sign * (arrival - executed)


def test_the_costs_of_executed_orders_add_up_on_both_sides(account: Account, engine: Engine, drive: Drive) -> None:
    """Of amounts of all sizes, in one batch and alone."""
    sizes = [10**4, 10**7, 123_456_789, 10**9, 250 * 10**9, 40_000 * 10**9]
    orders = place(account, *(terms(amount=size) for size in sizes), *(terms(amount=size, **BUY) for size in sizes))
    drive()

    for order in orders:
        told = execution(account, order)
        assert told["status"] == "CONFIRMED"
        check_sums(told)
        assert told["cost_token"] == "USDC"
        assert raw(told, "delay", "vs_quote") == [0, 0]
        # A pool takes its fee; rounding may give back an atom of it.
        assert raw(told, "venue_fees")[0] >= 0
        assert raw(told, "market")[0] > 0
        assert [attempt["result"] for attempt in told["attempts"]] == ["filled"]
        assert told["took_ms"] == sum(step["took_ms"] for step in told["steps"])


def test_the_second_order_of_a_batch_arrives_behind_the_first(account: Account, engine: Engine, drive: Drive) -> None:
    """Whichever of the two is routed first has the better quote."""
    orders = place(account, *(terms(amount=40_000 * 10**9) for _ in range(2)))
    drive()
    told = sorted((execution(account, order) for order in orders), key=lambda one: int(one["quoted_amount_raw"]))

    behind, first = (int(one["arrival_amount_raw"]) for one in told)

    assert behind < first


def test_an_order_arrives_once_and_what_the_market_moved_until_its_last_quote_is_its_delay(
    account: Account, engine: Engine, drive: Drive
) -> None:
    [order] = place(account, terms(amount=1000 * 10**9, scenario="slippage"))
    drive(Stage.ROUTE, Stage.BUILD, Stage.SUBMIT, Stage.CONFIRM)
    order.refresh_from_db()
    arrival = order.arrival_amount
    assert (order.status, order.attempt) == ("ROUTING", 2)
    rows = Order.objects.filter(pk=order.pk)
    rows.update(due_at=datetime.now(UTC) + timedelta(hours=1))
    [other] = place(account, terms(amount=40_000 * 10**9))
    drive(orders=[other.id])
    rows.update(due_at=datetime.now(UTC) - timedelta(hours=1))
    drive()

    told = execution(account, order)

    order.refresh_from_db()
    assert (told["outcome"], told["amount_out"], told["executed_amount"]) == ("slippage", None, None)
    assert order.arrival_amount == arrival == int(told["arrival_amount_raw"])
    assert raw(told, "delay") == [int(told["arrival_amount_raw"]) - int(told["mid_amount_raw"])]
    assert raw(told, "delay")[0] > 0
    assert told["shortfall"]["vs_arrival"] is told["shortfall"]["total"] is told["shortfall"]["vs_quote"] is None
    quotes = [int(attempt["quoted_amount_out_raw"]) for attempt in told["attempts"]]
    assert [attempt["result"] for attempt in told["attempts"]] == ["slippage"] * 3
    assert int(told["price_moved"]["amount_raw"]) == quotes[0] - quotes[-1] > 0
    assert all(len(attempt["tx_hashes"]) == 1 for attempt in told["attempts"])


def test_another_amount_arrives_by_itself(account: Account, engine: Engine) -> None:
    """What its owner replaces was worth something else."""
    api = Api(account)
    body = {"token_in": "SOL", "token_out": "USDC", "amount": "1", "type": "limit", "limit_price": "1000"}
    placed = api.post("orders", body).json()
    Order.objects.filter(pk=placed["id"]).update(arrival_amount=140 * 10**6, saved_amount=5)

    def replace(**fields: Any) -> Order:
        version = str(Order.objects.get(pk=placed["id"]).seq)
        answer = api.client.patch(
            f"/api/v1/orders/{placed['id']}",
            json.dumps(fields),
            content_type="application/json",
            headers={"If-Match": f'"{version}"'},
        )
        assert answer.status_code == 200, answer.json()
        return Order.objects.get(pk=placed["id"])

    assert replace(limit_price="999").arrival_amount == 140 * 10**6
    replaced = replace(amount="2")
    assert (replaced.arrival_amount, replaced.saved_amount) == (None, None)


def test_a_parent_is_the_sum_of_its_children(account: Account, engine: Engine, policy: Policy, drive: Drive) -> None:
    api = Api(account)
    body = {"token_in": "SOL", "token_out": "USDC", "amount": "3000", "type": "ladder"}
    placed = api.post("orders", body | {"from": "1", "to": "2", "steps": 3}).json()
    parent = Order.objects.get(pk=placed["id"])
    assert execution(account, parent)["shortfall"]["vs_arrival"] is None
    drive(Stage.CHILDREN)
    trigger_orders(engine, policy, at_least_s=0.0)
    drive(orders=[placed["id"]])

    told = execution(account, parent)

    children = [execution(account, child) for child in Order.objects.filter(parent=parent)]
    assert len(children) == len(told["children"]) == 3
    check_sums(told)
    for name in told["shortfall"]:
        assert raw(told, name) == [sum(raw(child, name)[0] for child in children)], name
    for name in ("arrival_amount", "quoted_amount", "executed_amount", "amount_in", "amount_out", "saved"):
        assert int(told[f"{name}_raw"]) == sum(int(child[f"{name}_raw"]) for child in children), name


def test_rows_of_older_versions_say_what_they_know(account: Account) -> None:
    """Without an arrival, with a plan from before fees and impact were told apart."""
    row = OLD_ROWS[0]
    plan = SwapPlan.from_json(row)
    order = Order.objects.create(
        account=account, request_hash=b"", chain_id="simulated", order_type="market", side="exact_in",
        token_in="SOL", token_out="USDC", decimals_in=9, decimals_out=6, amount=plan.route.amount_in,
        terms=terms().terms, status="CONFIRMED", outcome="filled", route=row, tx_hash="0x1",
        quoted_amount_in=plan.route.amount_in, quoted_amount_out=plan.route.amount_out,
        amount_in=plan.route.amount_in, amount_out=plan.route.amount_out - 7,
    )  # fmt: skip

    told = execution(account, order)

    assert told["arrival_amount"] is None
    assert raw(told, "market", "vs_quote") == [plan.mid_amount_out - plan.route.amount_out, 7]
    assert {name for name, cost in told["shortfall"].items() if cost is None} == {
        *("vs_arrival", "delay", "venue_fees", "price_impact", "network_fee", "total"),
    }
    assert (told["attempts"], told["steps"]) == ([], [])


def test_what_was_saved_and_who_lost_are_those_of_the_plan(account: Account, engine: Engine, drive: Drive) -> None:
    [order] = place(account, terms(amount=40_000 * 10**9))
    drive()
    order.refresh_from_db()
    plan = order.plan
    assert plan is not None

    told = execution(account, order)

    assert int(told["saved_raw"]) == plan.saved_amount == order.saved_amount
    behind = {quote["venue"]: quote["behind_raw"] for quote in told["venue_quotes"]}
    assert behind[told["best_single_venue"]] == told["saved_raw"]
    assert min(int(value) for value in behind.values() if value is not None) == int(told["saved_raw"])
    assert {quote["venue"] for quote in told["venue_quotes"] if quote["code"]} == {
        venue for venue, value in behind.items() if value is None
    }

    # As of a version before, whose orders no report compares.
    Order.objects.filter(pk=order.pk).update(saved_amount=None)
    order.refresh_from_db()
    told = execution(account, order)
    assert (told["saved"], told["saved_raw"], told["saved_bps"]) == (None, None, None)
    assert told["gap_bps"] == Api(account).get(f"orders/{order.id}").json()["route"]["gap_bps"]


def test_an_order_that_was_not_executed_has_quoted_amounts_alone(
    account: Account, engine: Engine, drive: Drive
) -> None:
    """In the order, in its events, and here."""
    [order] = place(account, terms(scenario="slippage"))
    drive()
    api = Api(account)

    shown = api.get(f"orders/{order.id}").json()
    events = api.get(f"orders/{order.id}/events").json()["results"]

    assert (shown["status"], shown["amount_in"], shown["amount_out"]) == ("FAILED", None, None)
    assert shown["quoted_amount_out_raw"] is not None
    assert (shown["net_amount_out"], shown["average_price"], shown["filled_amount_out"]) == (None, None, None)
    assert not any(name in event["data"] for event in events for name in ("amount_in_raw", "amount_out_raw"))
    assert execution(account, order)["quoted_amount_raw"] == shown["quoted_amount_out_raw"]
