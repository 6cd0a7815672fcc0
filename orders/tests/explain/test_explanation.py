"""Orders of a market are explained by what is so: prices, pauses, workers, linked orders and children."""

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db.models.functions import Now

from dex import ChainUnavailable, Engine
from orders.audit.record import Actor
from orders.config import Policy
from orders.models import Account, Order, PairPrice, heartbeat_name
from orders.presentation.explanation import EXPLANATION
from orders.reconciliation.heartbeat import beat
from orders.risk.pause import find_target, pause
from orders.selectors import MAINTENANCE
from orders.services.cancel import cancel_orders
from orders.services.explain import explain_order
from orders.states import Stage
from orders.tests.explain.told import by_code, check, codes
from orders.tests.factories import new_account, place, terms
from orders.tests.http_client import Api
from orders.tests.waiting.market import Market, limit, typed

Drive = Callable[..., None]


def explain(order: Order, engine: Engine, policy: Policy) -> dict[str, Any]:
    told = EXPLANATION.render(explain_order(Order.objects.get(pk=order.pk), lambda: engine, policy))
    check(told)
    return told


@pytest.mark.django_db
def test_a_limit_order_says_how_far_its_price_is(account: Account, market: Market, policy: Policy) -> None:
    [order] = place(account, limit("110"))

    told = by_code(explain(order, market.engine, policy), "waiting", "waits_for_price")

    price = Decimal(told["facts"]["price_now"])
    assert told["facts"] | {"price_now": 0, "block": 0, "distance_bps": 0} == {
        "pair": "SOL/USDC", "price_kind": "marginal", "direction": "rises", "trigger_price": "110",
        "price_now": 0, "price_now_kind": "marginal", "block": 0, "reached": False, "distance_bps": 0,
    }  # fmt: skip
    assert Decimal("99") < price <= 100
    assert 0 <= Decimal(told["facts"]["distance_bps"]) - (110 / price - 1) * 10_000 < Decimal("0.01")
    market.set("120")
    assert by_code(explain(order, market.engine, policy), "waiting", "price_reached")["facts"]["distance_bps"] == "0"


@pytest.mark.django_db
@pytest.mark.parametrize("error", [ChainUnavailable("no node answers"), RuntimeError("a bug")])
def test_a_market_that_cannot_be_read_is_said_and_fails_nothing(
    account: Account, market: Market, policy: Policy, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    [order] = place(account, limit("110"))

    def away(*_: object) -> None:
        raise error

    monkeypatch.setattr(market.engine, "prices", away)
    told = by_code(explain(order, market.engine, policy), "waiting", "waits_for_price")

    assert "cannot be said: the market cannot be read now" in told["text"]
    assert "price_now" not in told["facts"]
    assert ("no node answers" in told["text"]) == isinstance(error, ChainUnavailable)
    assert "a bug" not in told["text"]


@pytest.mark.django_db
def test_a_stop_says_the_reference_price_once_it_is_noted(account: Account, market: Market, policy: Policy) -> None:
    [order] = place(account, typed("stop", {"trigger_price": "90"}))
    before = by_code(explain(order, market.engine, policy), "waiting", "waits_for_price")["facts"]
    market.trigger()
    PairPrice.objects.update(at=Now() - timedelta(seconds=policy.trigger_window_s))

    after = by_code(explain(order, market.engine, policy), "waiting", "waits_for_price")["facts"]

    assert (before["price_kind"], before["price_now_kind"], before["direction"]) == ("reference", "mid", "falls")
    assert (after["price_kind"], after["price_now_kind"], after["price_now"]) == ("reference", "reference", "100")
    assert after["distance_bps"] == "1000"


@pytest.mark.django_db
def test_a_stop_limit_waits_for_its_trigger_and_then_for_its_limit(
    account: Account, market: Market, policy: Policy
) -> None:
    own = {"trigger_price": "90", "limit_price": "95", "trigger_source": "last"}
    [order] = place(account, typed("stop_limit", own))
    before = explain(order, market.engine, policy)
    market.step("89")

    after = explain(order, market.engine, policy)

    assert codes(before["waiting"]) == ["waits_for_price", "limit_later"]
    assert by_code(before, "waiting", "limit_later")["facts"] == {"limit_price": "95"}
    assert "triggered" in codes(after["attempts"])
    told = by_code(after, "waiting", "waits_for_price")["facts"]
    assert (told["direction"], told["price_kind"]) == ("rises", "marginal")
    assert Decimal(told["trigger_price"]) >= 95


@pytest.mark.django_db
def test_a_trailing_stop_has_seen_no_price_and_then_follows_it(
    account: Account, market: Market, policy: Policy
) -> None:
    [order] = place(account, typed("trailing_stop", {"trail_bps": "100", "trigger_source": "last"}))
    assert by_code(explain(order, market.engine, policy), "waiting", "waits_for_first_price")
    market.trigger()

    told = by_code(explain(order, market.engine, policy), "waiting", "waits_for_price")["facts"]

    assert (told["trigger_price"], told["price_now"], told["trail_bps"]) == ("99", "100", "100")


@pytest.mark.django_db
def test_linked_orders_name_each_other(account: Account, engine: Engine, policy: Policy) -> None:
    body = {"token_in": "SOL", "token_out": "USDC", "amount": "1", "type": "limit", "limit_price": "1000"}
    placed = Api(account).post("orders/batch", {"orders": [body, body], "link": "then"}).json()["results"]
    first, second = (Order.objects.get(pk=item["order"]["id"]) for item in placed)

    told = by_code(explain(second, engine, policy), "waiting", "waits_for_sibling")

    assert told["facts"]["before"] == [{"order_id": str(first.id), "status": "PENDING", "outcome": None}]
    assert str(first.id) in told["text"]
    ahead = by_code(explain(first, engine, policy), "waiting", "places_next")
    assert ahead["facts"]["orders"] == [{"order_id": str(second.id), "status": "PENDING", "outcome": None}]


@pytest.mark.django_db
def test_rivals_name_each_other(account: Account, engine: Engine, policy: Policy) -> None:
    body = {"token_in": "SOL", "token_out": "USDC", "amount": "1", "type": "limit", "limit_price": "1000"}
    asked = {"orders": [body, body | {"limit_price": "1001"}], "link": "one_cancels_other"}
    one, other = (item["order"]["id"] for item in Api(account).post("orders/batch", asked).json()["results"])

    told = by_code(explain(Order.objects.get(pk=one), engine, policy), "waiting", "one_executes")

    assert [named["order_id"] for named in told["facts"]["orders"]] == [other]


@pytest.mark.django_db
def test_a_schedule_says_its_next_turn(account: Account, engine: Engine, policy: Policy) -> None:
    fields = {"type": "twap", "twap": {"slices": 4, "interval_s": 600, "start_at": "2999-01-01T00:00:00Z"}}
    placed = Api(account).post("orders", {"token_in": "SOL", "token_out": "USDC", "amount": "4"} | fields).json()

    told = explain(Order.objects.get(pk=placed["id"]), engine, policy)

    facts = by_code(told, "waiting", "waits_for_schedule")["facts"]
    assert facts == {"slices_done": 0, "slices_total": 4, "next_at": "2999-01-01T00:00:00.000Z"}
    assert codes(told["route"]) == ["route_of_children"]


@pytest.mark.django_db
def test_a_pause_is_named_with_its_reason(account: Account, engine: Engine, policy: Policy) -> None:
    [order] = place(account)
    pause(find_target("account", account.name, engine), Actor("an operator", reason="figures to be checked"))

    told = by_code(explain(order, engine, policy), "waiting", "waits_for_halt")

    assert (told["facts"]["scope"], told["facts"]["reason"]) == ("account", "figures to be checked")
    assert account.name in told["text"]


@pytest.mark.django_db
def test_a_worker_is_waited_for_until_one_was_seen(account: Account, engine: Engine, policy: Policy) -> None:
    [order] = place(account)
    unseen = by_code(explain(order, engine, policy), "waiting", "waits_for_worker")
    beat(heartbeat_name(MAINTENANCE, order.chain_id), 0.0)

    seen = by_code(explain(order, engine, policy), "waiting", "waits_for_worker")

    assert unseen["facts"] == {"worker_seen_s": None}
    assert seen["facts"] == {"worker_seen_s": 0}


@pytest.mark.django_db(transaction=True)
def test_a_failed_order_tells_each_attempt_and_how_the_price_moved(
    account: Account, engine: Engine, policy: Policy, drive: Drive
) -> None:
    [order] = place(account, terms(amount=90 * 10**9, scenario="slippage"))
    drive()

    told = explain(order, engine, policy)

    assert codes(told["attempts"]) == [
        *("quoted", "submitted", "tried_again"),
        *("quoted", "submitted", "tried_again"),
        *("quoted", "submitted"),
    ]
    again = [sentence["facts"] for sentence in told["attempts"] if sentence["code"] == "tried_again"]
    assert [(facts["code"], facts["ended_attempt"]) for facts in again] == [("slippage", 1), ("slippage", 2)]
    assert codes(told["ending"]) == ["failed", "nothing_swapped", "price_moved", "network_fee_paid"]
    assert told["outcome"] == "slippage"


@pytest.mark.django_db(transaction=True)
def test_a_filled_order_says_what_the_next_best_would_have_given(
    account: Account, engine: Engine, policy: Policy, drive: Drive
) -> None:
    [order] = place(account, terms(amount=40_000 * 10**9))
    drive()
    order.refresh_from_db()
    plan = order.plan
    assert plan is not None

    told = explain(order, engine, policy)

    best = by_code(told, "route", "next_best")["facts"]
    alone = plan.best_venue
    assert alone is not None
    assert (best["venue"], best["amount_raw"]) == (alone.venue, str(alone.amount_out))
    assert best["saved_raw"] == str(plan.saved_amount)
    assert int(best["saved_raw"]) > 0
    shares = [Decimal(leg["share"]) for leg in by_code(told, "route", "route_split")["facts"]["legs"]]
    assert 1 - Decimal("0.000001") * len(shares) <= sum(shares) <= 1
    assert by_code(told, "route", "proof")["facts"]["bound_raw"] == str(plan.bound)
    assert by_code(told, "ending", "filled")["facts"]["amount_out_raw"] == str(order.amount_out)
    assert codes(told["next"]) == ["see_execution"]


@pytest.mark.django_db(transaction=True)
def test_a_route_through_one_venue_says_which_is_next(
    account: Account, engine: Engine, policy: Policy, drive: Drive
) -> None:
    [order] = place(account, terms(side="exact_out", amount=100 * 10**6))
    drive()
    order.refresh_from_db()
    plan = order.plan
    assert plan is not None
    assert plan.best_venue is not None

    told = by_code(explain(order, engine, policy), "route", "runner_up")["facts"]

    able = [quote for quote in plan.venue_quotes if quote.amount_in and quote.venue != plan.best_venue.venue]
    net = {quote.venue: plan.venue_net(quote) or 0 for quote in able}
    assert plan.venues == {plan.best_venue.venue}
    assert net[told["venue"]] == min(net.values())
    assert int(told["behind_raw"]) == min(net.values()) - (plan.venue_net(plan.best_venue) or 0)


@pytest.mark.django_db
def test_a_cancelled_order_says_by_whom(account: Account, engine: Engine, policy: Policy) -> None:
    [order] = place(account)
    cancel_orders([order.id], actor=Actor("its key", reason="not wanted"), account=account)

    told = explain(order, engine, policy)

    assert "cancelled by its owner before anything was sent: not wanted" in by_code(told, "ending", "failed")["text"]
    assert codes(told["next"]) == ["none"]


@pytest.mark.django_db(transaction=True)
def test_a_parent_and_its_children(account: Account, engine: Engine, policy: Policy, drive: Drive) -> None:
    fields = {"type": "twap", "twap": {"slices": 2, "interval_s": 3600}}
    api = Api(account)
    placed = api.post("orders", {"token_in": "SOL", "token_out": "USDC", "amount": "2"} | fields).json()
    drive(Stage.CHILDREN)
    parent = Order.objects.get(pk=placed["id"])
    child = Order.objects.get(parent=parent)

    told = explain(parent, engine, policy)

    assert codes(told["waiting"]) == ["waits_for_schedule", "waits_for_children"]
    assert by_code(told, "waiting", "waits_for_children")["facts"] == {
        "open": [{"order_id": str(child.id), "status": "PENDING"}]
    }
    assert "children_placed" in codes(told["attempts"])
    drive(orders=[child.id])
    of_child = explain(child, engine, policy)
    assert codes(of_child["ending"])[0] == "filled"
    assert by_code(of_child, "route", "part_of")["facts"] == {"parent_id": str(parent.id)}
    assert codes(explain(parent, engine, policy)["waiting"]) == ["waits_for_schedule"]


@pytest.mark.django_db
def test_both_calls_answer_404_for_what_belongs_to_others(account: Account) -> None:
    [foreign] = place(new_account())

    for call in ("explain", "execution"):
        assert Api(account).get(f"orders/{foreign.id}/{call}").status_code == 404
