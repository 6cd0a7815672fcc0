"""Every status, outcome, wait, order type and event has true words, and facts that agree with them."""

import json
from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from orders.event_log.event import Event
from orders.models import Account
from orders.order_types import OrderType
from orders.pauses import NONE
from orders.presentation.execution import Execution
from orders.presentation.explanation import EXPLANATION, Around, Explained
from orders.presentation.explanation.attempts import _SAYINGS, attempt_sentences
from orders.presentation.explanation.waiting import _WAITS
from orders.presentation.history import read_history
from orders.presentation.orders import waiting_for_of
from orders.problems import KINDS, OUTCOMES, Problem, outcome_of
from orders.services.inserting import unsaved_order
from orders.states import OrderStatus
from orders.tests.explain.told import NOW, by_code, check, codes, explained, made
from orders.tests.factories import terms
from orders.tests.order_types.requests import accepted, each_example


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
