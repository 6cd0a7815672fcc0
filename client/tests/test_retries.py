"""What is sent again, after how long, and what never is."""

import json
from typing import Any
from uuid import UUID

import pytest

from orderengine_client import (
    ClientError,
    ConflictError,
    InvalidRequestError,
    NoAnswerError,
    NotFoundError,
    RefusedError,
    ServiceError,
    ThrottledError,
    UnexpectedAnswerError,
    VersionChangedError,
)
from orderengine_client.flows import Answer
from orderengine_client.retries import Retries
from orderengine_client.wire import Operations
from tests.scripts import LOST, REFUSED, Script, answer, problem
from tests.stored import event, order

ID = "01a22e40-8f56-778b-9fcf-5fe25c3437bc"

RETRIES = Retries(deadline_s=60, first_s=0.5, most_s=8)
PLACED = answer(201, order())


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> Script:
    return Script(monkeypatch)


@pytest.fixture
def api() -> Operations:
    return Operations(RETRIES)


@pytest.mark.parametrize("trouble", [LOST, REFUSED, answer(502), answer(503), answer(504)])
def test_a_lost_answer_is_asked_for_again_under_the_same_id(script: Script, api: Operations, trouble: Any) -> None:
    placed = script.run(api.place("SOL", "USDC", "1"), trouble, trouble, PLACED)

    bodies = [request.body for request in script.sent]
    assert placed.to_dict()["id"] == order()["id"]
    assert len(bodies) == 3
    assert bodies[0] == bodies[1] == bodies[2]
    assert UUID(bodies[0]["client_order_id"]).version == 7
    assert script.pauses == [0.5, 1.0]


def test_waits_double_up_to_the_most(script: Script, api: Operations) -> None:
    script.run(api.tokens(), *[LOST] * 7, answer(200, {"results": []}))

    assert script.pauses == [0.5, 1.0, 2.0, 4.0, 8.0, 8.0, 8.0]


def test_retry_after_comes_before_the_jitter(script: Script, api: Operations) -> None:
    script.run(api.get(ID), problem(429, "throttled", "7"), problem(503, "not_ready", "2"), answer(200, order()))

    assert script.pauses == [7.5, 3.0]


@pytest.mark.parametrize("stated", ["", "soon", "-1", "1.5", "Wed, 21 Oct 2026 07:28:00 GMT", "٣"])
def test_a_retry_after_that_is_no_number_is_none(script: Script, api: Operations, stated: str) -> None:
    script.run(api.get(ID), answer(503, {}, retry_after=stated), answer(200, order()))

    assert script.pauses == [0.5]


def test_after_the_deadline_the_exception_says_under_which_id_to_look(script: Script, api: Operations) -> None:
    with pytest.raises(NoAnswerError) as raised:
        script.run(api.place("SOL", "USDC", "1", client_order_id="a-1"), *[LOST] * 100)

    assert raised.value.client_order_id == "a-1"
    assert raised.value.is_retryable
    assert raised.value.is_sent
    assert sum(script.pauses) < RETRIES.deadline_s
    assert all(0 < request.timeout_s <= RETRIES.timeout_s for request in script.sent)


def test_what_never_left_is_told_apart(script: Script, api: Operations) -> None:
    with pytest.raises(NoAnswerError) as raised:
        script.run(api.place("SOL", "USDC", "1"), *[REFUSED] * 100)

    assert not raised.value.is_sent
    assert raised.value.client_order_id == script.sent[0].body["client_order_id"]


def test_a_longer_wait_than_the_deadline_is_told_at_once(script: Script, api: Operations) -> None:
    with pytest.raises(ThrottledError) as raised:
        script.run(api.get(ID), problem(429, "throttled", "61"))

    assert raised.value.retry_after_s == 61
    assert raised.value.is_retryable
    assert script.pauses == []


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        *((status, InvalidRequestError) for status in (400, 405, 406, 408, 413, 415, 428)),
        *((404, NotFoundError), (409, ConflictError), (412, VersionChangedError), (422, RefusedError)),
        *((500, ServiceError), (501, ServiceError)),
    ],
)
def test_refusals_are_not_repeated(script: Script, api: Operations, status: int, kind: type[ClientError]) -> None:
    told = problem(
        status, "why_not", errors=[{"pointer": "/a", "code": "c", "detail": "d"}], facts={"n": 1}, **{"try": "x"}
    )
    with pytest.raises(kind) as raised:
        script.run(api.place("SOL", "USDC", "1"), told)

    error: Any = raised.value
    assert (error.status, error.code, error.detail, error.next_step) == (status, "why_not", "why", "x")
    assert (error.errors[0]["pointer"], error.facts) == ("/a", {"n": 1})
    assert not error.is_retryable
    assert error.client_order_id == script.sent[0].body["client_order_id"]
    assert len(script.sent) == 1


def test_a_first_request_that_still_runs_is_waited_for(script: Script, api: Operations) -> None:
    script.run(api.place("SOL", "USDC", "1"), problem(409, "request_in_progress"), PLACED)

    assert script.pauses == [1.5]


def test_what_lasts_until_the_operator_acts_is_not_repeated(script: Script, api: Operations) -> None:
    with pytest.raises(ServiceError) as raised:
        script.run(api.receipt(ID), problem(501, "no_receipt_key"))

    assert not raised.value.is_retryable


def test_a_page_of_a_proxy_counts_by_its_status(script: Script, api: Operations) -> None:
    page = Answer(502, {}, b"<html>bad gateway</html>")
    with pytest.raises(ServiceError) as raised:
        script.run(api.get(ID), *[page] * 100)

    assert raised.value.code == "http_502"
    assert "bad gateway" in raised.value.detail


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b"not JSON", b'{"id": 5}', b"\xff"])
def test_an_answer_of_another_server_is_no_success(script: Script, api: Operations, body: bytes) -> None:
    with pytest.raises(UnexpectedAnswerError) as raised:
        script.run(api.place("SOL", "USDC", "1"), Answer(201, {}, body))

    assert raised.value.client_order_id == script.sent[0].body["client_order_id"]


def test_a_redirect_is_not_followed(script: Script, api: Operations) -> None:
    with pytest.raises(UnexpectedAnswerError, match="302"):
        script.run(api.get(ID), Answer(302, {"location": "http://elsewhere.invalid"}, b""))


def test_each_order_of_a_batch_has_its_id_before_the_first_try(script: Script, api: Operations) -> None:
    wanted: Any = [{"token_in": "SOL", "token_out": "USDC", "amount": n} for n in ("1", "2")]
    wanted[1]["client_order_id"] = "b"
    with pytest.raises(NoAnswerError) as raised:
        script.run(api.place_many(wanted, link="then"), *[LOST] * 100)

    [first, *others] = [request.body for request in script.sent]
    assert all(other == first for other in others)
    assert raised.value.client_order_ids == (first["orders"][0]["client_order_id"], "b")
    assert raised.value.client_order_id is None
    assert first["link"] == "then"


class TestCancel:
    """The repeat of a cancel whose answer was lost meets an order that has ended."""

    ENDED = problem(409, "order_terminal")

    def test_its_own_cancel_is_its_answer(self, script: Script, api: Operations) -> None:
        gone = order(status="FAILED", outcome="cancelled")

        assert script.run(api.cancel(ID), LOST, self.ENDED, answer(200, gone)).outcome == "cancelled"

    def test_another_end_is_refused(self, script: Script, api: Operations) -> None:
        filled = order(status="CONFIRMED", outcome="filled")
        with pytest.raises(ConflictError):
            script.run(api.cancel(ID), LOST, self.ENDED, answer(200, filled))

    @pytest.mark.parametrize("trouble", [[], [REFUSED], [problem(503, "not_ready", "1")], [problem(429, "throttled")]])
    def test_without_a_try_that_may_have_done_it_nothing_is_read(
        self, script: Script, api: Operations, trouble: list[Any]
    ) -> None:
        with pytest.raises(ConflictError):
            script.run(api.cancel(ID), *trouble, self.ENDED)


class TestReplace:
    """The repeat of a PATCH whose answer was lost meets the version that it has made itself."""

    MOVED = problem(412, "version_changed", facts={"version": 3})

    def replace(self, script: Script, api: Operations, replaced: Any, *replies: Any, **terms: Any) -> Any:
        events = {"results": [event(seq=3, data={"replaced": replaced})]}
        flow = api.replace(ID, 2, **terms)
        return script.run(flow, LOST, self.MOVED, answer(200, events), *replies)

    @pytest.mark.parametrize(
        ("terms", "replaced"),
        [
            ({"amount": "3.0"}, {"amount": ["2", "3"]}),
            ({"amount": 3, "limit_price": "151"}, {"amount": ["2", "3"]}),
            ({"expires_at": None}, {"expires_at": ["2026-12-01T00:00:00.000Z", None], "time_in_force": ["gtd", "gtc"]}),
            (
                {"guards": {"max_slippage_bps": "50.0"}},
                {"guards": [{"max_slippage_bps": "9"}, {"max_slippage_bps": "50", "x": 1}]},
            ),
        ],
    )
    def test_its_own_change_is_its_answer(self, script: Script, api: Operations, terms: Any, replaced: Any) -> None:
        assert self.replace(script, api, replaced, answer(200, order(version=3)), **terms).version == 3
        assert [request.headers.get("If-Match") for request in script.sent[:2]] == ['"2"', '"2"']

    @pytest.mark.parametrize(
        "replaced",
        [
            {"amount": ["2", "4"]},
            {"limit_price": ["1", "3"]},
            {"amount": ["2", "3"], "trail_bps": ["1", "2"]},
            {},
            None,
        ],
    )
    def test_the_change_of_another_is_refused(self, script: Script, api: Operations, replaced: Any) -> None:
        with pytest.raises(VersionChangedError):
            self.replace(script, api, replaced, amount="3")

    def test_without_a_lost_try_it_is_refused(self, script: Script, api: Operations) -> None:
        with pytest.raises(VersionChangedError):
            script.run(api.replace(ID, 2, amount="3"), self.MOVED)


def test_a_resumed_pause_is_no_error_when_its_answer_was_lost(script: Script, api: Operations) -> None:
    none = problem(404, "not_found")

    assert script.run(api.resume("why"), LOST, none, answer(200, {"results": []})) == []
    with pytest.raises(NotFoundError):
        script.run(api.resume("why"), REFUSED, none)


def test_a_cancel_by_filter_keeps_its_key(script: Script, api: Operations) -> None:
    done = answer(200, {"results": [], "has_more": False})
    script.run(api.cancel_many(all=True), LOST, done)
    keys = [request.headers["Idempotency-Key"] for request in script.sent]
    script.run(api.cancel_many(all=True), done)

    assert keys[0] == keys[1] != script.sent[0].headers["Idempotency-Key"]


@pytest.mark.parametrize("trouble", [LOST, answer(502), problem(503, "outcome_unknown"), answer(504)])
def test_a_webhook_is_not_made_twice(script: Script, api: Operations, trouble: Any) -> None:
    with pytest.raises(ClientError):
        script.run(api.create_webhook("https://example.com"), trouble)


@pytest.mark.parametrize("trouble", [REFUSED, problem(429, "throttled"), problem(503, "not_ready")])
def test_what_was_surely_not_done_is_asked_for_again(script: Script, api: Operations, trouble: Any) -> None:
    script.run(api.test_webhook(ID), trouble, answer(202, {"message_id": "m"}))

    assert len(script.sent) == 2


def test_all_pages_are_read_from_the_callers_own_address(script: Script, api: Operations) -> None:
    link = "http://inside.invalid/api/v1/orders?status=PENDING&cursor=cD0%3D&limit=1"
    pages = [answer(200, {"next": link, "previous": None, "results": [order()]}) for _ in range(2)]
    pages.append(answer(200, {"next": None, "previous": None, "results": []}))

    found = script.items(api.list(status=["PENDING"], limit=1), *pages)

    assert len(found) == 2
    assert {request.path for request in script.sent} == {"/api/v1/orders"}
    assert [json.dumps(request.params) for request in script.sent] == [
        '{"status": ["PENDING"], "limit": 1}',
        *['{"status": ["PENDING"], "limit": 1, "cursor": "cD0="}'] * 2,
    ]
