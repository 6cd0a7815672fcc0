"""Every status, outcome, wait and order type has true words, and facts that agree with them."""

import json
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from django.db.models.functions import Now

from dex import ChainUnavailable, Engine
from orders.audit.record import Actor
from orders.config import Policy
from orders.event_log.event import Event
from orders.models import Account, Order, PairPrice, heartbeat_name
from orders.order_types import OrderType
from orders.pauses import NONE
from orders.presentation.execution import Execution
from orders.presentation.explanation import EXPLANATION, Around, Explained
from orders.presentation.explanation.attempts import _SAYINGS, attempt_sentences
from orders.presentation.explanation.waiting import _WAITS
from orders.presentation.history import read_history
from orders.presentation.orders import waiting_for_of
from orders.problems import KINDS, OUTCOMES, Problem, outcome_of
from orders.reconciliation.heartbeat import beat
from orders.risk.pause import find_target, pause
from orders.selectors import MAINTENANCE
from orders.services.cancel import cancel_orders
from orders.services.explain import explain_order
from orders.services.inserting import unsaved_order
from orders.states import OrderStatus, Stage
from orders.tests.factories import new_account, place, terms
from orders.tests.http_client import Api
from orders.tests.order_types.requests import accepted, each_example
from orders.tests.waiting.market import Market, limit, typed

NOW = datetime(2026, 11, 30, 20, tzinfo=UTC)
Drive = Callable[..., None]


def explained(order: Order, waiting_for: str | None = None, around: Around | None = None) -> dict[str, Any]:
    """Without a database."""
    execution = Execution(order, read_history([]), ())
    return EXPLANATION.render(Explained(execution, waiting_for, around or Around(NOW)))


def made(**columns: Any) -> Order:
    """An order that is stored nowhere."""
    values: dict[str, Any] = {
        "chain_id": "simulated", "order_type": "market", "side": "exact_in", "token_in": "SOL", "token_out": "USDC",
        "decimals_in": 9, "decimals_out": 6, "amount": 10**9, "terms": terms().terms, "status": "PENDING",
        "created_at": NOW, "updated_at": NOW, "due_at": NOW, "native_token": "SOL", "native_decimals": 9,
    }  # fmt: skip
    return Order(**{**values, **columns})


def codes(sentences: list[dict[str, Any]]) -> list[str]:
    return [sentence["code"] for sentence in sentences]


def by_code(told: dict[str, Any], section: str, code: str) -> dict[str, Any]:
    found: dict[str, Any]
    [found] = [sentence for sentence in told[section] if sentence["code"] == code]
    return found


def whole(told: dict[str, Any]) -> Iterator[str]:
    """Every text, each a sentence."""
    for section in ("route", "waiting", "attempts", "ending", "next"):
        yield from (sentence["text"] for sentence in told[section])


def check(told: dict[str, Any]) -> None:
    """What is so of every explanation."""
    assert bool(told["waiting"]) == (told["outcome"] is None)
    assert bool(told["ending"]) == (told["outcome"] is not None)
    assert told["next"]
    assert told["route"]
    for text in whole(told):
        assert text.endswith(".")
        assert "None" not in text
        assert ".." not in text.replace("…", "")
        assert text[0].isupper() or not text[0].isalpha()


@pytest.mark.parametrize("waiting_for", [*_WAITS, "something_new"])
def test_each_wait_has_its_sentence(waiting_for: str) -> None:
    told = explained(made(waiting_for=waiting_for), waiting_for)

    check(told)
    assert codes(told["waiting"])[0].startswith("waits")
    assert told["waiting_for"] == waiting_for
    assert told["summary"]["facts"]["reason"] == codes(told["waiting"])[0]


@pytest.mark.parametrize("status", [status for status in OrderStatus if status not in ("CONFIRMED", "FAILED")])
@pytest.mark.parametrize("tx_hash", [None, "0xab"])
def test_each_status_of_an_order_under_way_has_its_sentence(status: str, tx_hash: str | None) -> None:
    told = explained(made(status=status, tx_hash=tx_hash))

    check(told)
    wanted = {"PENDING": "pending", "ROUTING": "routing", "SUBMITTED": "submitted"}
    assert codes(told["waiting"]) == [wanted.get(status, "sending" if tx_hash else "building")]
    assert codes(told["next"])[-1] == ("cancel_late" if tx_hash else "cancel")


@pytest.mark.parametrize("code", sorted(code for code in KINDS if outcome_of(code) in OUTCOMES))
def test_each_end_has_its_sentence_and_its_next_step(code: str) -> None:
    problem = Problem(code, "for a reason")
    order = made(status="FAILED", outcome=outcome_of(code), failure=problem.to_json(), network_fee_paid=5_000)

    told = explained(order)

    check(told)
    failed = by_code(told, "ending", "failed")
    assert failed["facts"] == {"code": code, "title": KINDS[code].title, "detail": "for a reason", "facts": {}}
    assert f"ended as {outcome_of(code)}" in failed["text"]
    assert by_code(told, "ending", "nothing_swapped")
    assert by_code(told, "ending", "network_fee_paid")["facts"]["network_fee_paid_raw"] == "5000"
    if KINDS[code].hint:
        assert by_code(told, "next", "try")["facts"] == {"try": KINDS[code].hint}


@each_example
def test_each_order_type_is_explained_as_it_is_placed(order_type: OrderType[Any], example: Mapping[str, Any]) -> None:
    """Every example of every type's contract."""
    order = unsaved_order(Account(pk=1), accepted(order_type, example))
    order.created_at = order.updated_at = order.due_at = NOW
    waiting_for = waiting_for_of(order, NONE, NOW)

    told = explained(order, waiting_for)

    check(told)
    assert told["summary"]["facts"]["type"] == order_type.name
    assert waiting_for is not None
    assert codes(told["waiting"])[0] != "waits"
    if order.expires_at is not None:
        assert by_code(told, "waiting", "expires")["facts"]["expires_at"].startswith("2999-01-01")


def test_an_order_of_an_older_version_is_explained_without_what_it_does_not_tell() -> None:
    order = made(status="CONFIRMED", outcome="filled", amount_in=10**9, amount_out=140 * 10**6, tx_hash="0x1")

    told = explained(order)

    check(told)
    assert codes(told["ending"]) == ["filled"]
    assert codes(told["route"]) == ["no_route_yet"]


def test_what_else_holds_of_an_order_is_said() -> None:
    order = made(
        status="SUBMITTED", tx_hash="0xab", parked_at=NOW, cancel_requested_at=NOW, expires_at=NOW + timedelta(hours=3)
    )

    told = explained(order)

    assert codes(told["waiting"]) == ["submitted", "quarantined", "cancel_stored", "expires"]
    assert "in 3 h" in by_code(told, "waiting", "expires")["text"]
    assert codes(told["next"]) == ["wait"]


@pytest.mark.parametrize("waiting_for", ["price", "schedule", "worker"])
def test_an_order_of_a_type_that_only_a_later_version_knows_is_explained(waiting_for: str) -> None:
    check(explained(made(order_type="later", waiting_for=waiting_for), waiting_for))


def test_terms_that_leave_routes_out_are_said() -> None:
    stated = terms(
        allow=("orca", "raydium"), deny=("meteora",), deny_tokens=("BONK",), max_legs=2, max_network_fee=10**6
    ).terms

    told = explained(made(terms=stated))

    assert codes(told["route"]) == [
        *("no_route_yet", "venues_limited", "venues_limited", "tokens_denied", "route_limited", "fee_limited"),
    ]
    assert by_code(told, "route", "fee_limited")["facts"]["max_native"] == "0.001"


RETRY = {"code": "slippage", "detail": "it moved", "in_ms": 200}
MET: dict[str, dict[str, Any]] = {
    "waited": {"waiting_for": "chain", "retry": {"code": "network", "detail": "no node answers", "in_ms": 5}},
    "tried_again": {"retry": RETRY},
    "triggered": {"triggered": {"kind": "falls", "trigger_price": "130", "mid_price": "129", "block": 7}},
    "terms_replaced": {"replaced": {"limit_price": ["1", "2"]}},
    "cancel_requested": {"cancel_requested": True},
    "fees_raised": {"replacement": {"tx_hash": "0x2", "nonce": 1, "max_fee": "9", "priority_fee": "1"}},
    "cancellation_sent": {"cancel": {"tx_hash": "0x3", "nonce": 1, "max_fee": "9", "priority_fee": "1"}},
    "reorg": {"reorg": {"tx_hash": "0x1", "block_number": 12}},
    "armed": {"armed": True, "waiting_for": "price"},
    "held_back": {"waiting_for": "sibling", "sibling": "an id"},
    "price_not_reached": {"waiting_for": "price", "wait": {"code": "limit_price", "detail": "too dear"}},
    "halted": {"halted": True},
    "wait_over": {"waited": "chain"},
    "withheld": {"tx_hash": "0x1", "nonce": 1, "withheld": True},
    "answer_unclear": {"tx_hash": "0x1", "nonce": 1, "doubt": {"code": "timeout", "detail": "no answer"}},
    "submitted": {"tx_hash": "0x1", "nonce": 1},
    "children_placed": {"slices_done": 1, "children": [{"order_id": "an id", "amount_raw": "1"}]},
}


def happened(seq: int, status: str, data: Mapping[str, Any], attempt: int = 1) -> Event:
    text = json.dumps(data)  # as the database gives it
    return Event(UUID(int=1), 1, seq, status, attempt, None, "2026-11-30T20:00:00.000000Z", 3, 1, seq, text)


@pytest.mark.parametrize("code", [*_SAYINGS, "tried_again"])
def test_each_thing_that_an_attempt_can_meet_is_told(code: str) -> None:
    status = "SUBMITTED" if code in ("submitted", "answer_unclear", "withheld") else "ROUTING"
    attempt = 2 if code == "tried_again" else 1
    events = [happened(1, "PENDING", {}), happened(2, status, MET[code], attempt)]
    order = made(status="ROUTING", attempt=attempt)

    told = EXPLANATION.render(Explained(Execution(order, read_history(events)), None, Around(NOW)))

    check(told)
    [sentence] = told["attempts"]
    assert sentence["code"] == code
    assert (sentence["facts"]["seq"], sentence["facts"]["attempt"]) == (2, attempt)


def test_what_repeats_in_a_row_is_said_once() -> None:
    again = [happened(seq, "PENDING", MET["price_not_reached"]) for seq in range(1, 9)]

    assert len(attempt_sentences(made(), read_history(again))) == 1


@pytest.mark.parametrize(("side", "left"), [("exact_in", "0.25 SOL"), ("exact_out", "890 USDC")])
def test_a_part_that_was_not_traded_is_said_with_its_reason(side: str, left: str) -> None:
    unfilled = {"code": "expired", "detail": "its time was up", "amount_raw": "250000000"}
    order = made(
        side=side, status="CONFIRMED", outcome="partially_filled", is_parent=True, slices_done=3,
        amount_in=750_000_000, amount_out=110_000_000, filled_amount_in=750_000_000, filled_amount_out=110_000_000,
    )  # fmt: skip
    events = [happened(1, "PENDING", {}), happened(2, "CONFIRMED", {"slices_done": 3, "unfilled": unfilled})]

    told = EXPLANATION.render(Explained(Execution(order, read_history(events)), None, Around(NOW)))

    check(told)
    [sentence] = told["ending"]
    assert sentence["code"] == "partially_filled"
    assert sentence["text"] == f"It has swapped 0.75 SOL for 110 USDC; {left} was not traded: its time was up."


def test_of_very_many_things_the_newest_are_said() -> None:
    many = [happened(seq, "PENDING", MET["waited" if seq % 2 else "triggered"]) for seq in range(1, 301)]

    found = attempt_sentences(made(), read_history(many))

    assert [(found[0].code, found[0].facts["left_out"]), len(found)] == [("earlier", 100), 201]
    assert found[-1].facts["seq"] == 300


# --- With a market, rows and events ----------------------------------------------------------------------------


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
