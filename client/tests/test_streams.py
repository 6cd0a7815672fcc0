"""Streams over everything that may end a connection: each event once, in order, or an exception that says why not."""

import random
from typing import Any

import pytest

from orderengine_client import (
    ForbiddenError,
    GapError,
    GoneError,
    InvalidRequestError,
    NoAnswerError,
    NotFoundError,
    ProblemError,
    RefusedError,
    UnauthorizedError,
    UnexpectedAnswerError,
    WaitTimeoutError,
)
from orderengine_client.retries import Retries
from orderengine_client.wire import Operations
from tests.scripts import LOST, OPENED, REFUSED, Script, Seconds, answer, closed, problem
from tests.stored import ORDER_ID, event, order, quote

COURSE = ("PENDING", "ROUTING", "BUILDING", "SUBMITTED", "CONFIRMED")
EVENTS = [event(seq=seq, status=status) for seq, status in enumerate(COURSE, 1)]
HELLO = {"type": "hello", "cursor": "c0", "resumed": True, "heartbeat_s": 15, "window": {}}
GAP = {"type": "gap", "from": "c1", "to": "c7"}
GONE = problem(410, "cursor_unknown", facts={"cursor": "c7", "oldest": "c5"})
SNAPSHOT = {"type": "snapshot", "seq": 5, "after": 0, "order": order(status="CONFIRMED", seq=5)}


GREETING = HELLO | {"subscription": 0}
QUOTED = {"type": "quote", "subscription": 1, "quote": quote()}
UNQUOTED = {
    "type": "error",
    "subscription": 1,
    "problem": {"code": "no_route", "status": 422, "detail": "d", "title": "t"},
}


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> Script:
    return Script(monkeypatch)


@pytest.fixture
def api() -> Operations:
    return Operations(Retries(first_s=0.5, most_s=8, stream_deadline_s=100))


def seqs(events: list[Any]) -> list[int]:
    return [one.seq for one in events]


class TestFollow:
    """One order."""

    def test_it_ends_with_the_last_event(self, script: Script, api: Operations) -> None:
        events = script.items(api.follow(ORDER_ID), OPENED, SNAPSHOT, *EVENTS)

        assert seqs(events) == [1, 2, 3, 4, 5]
        assert [one.path for one in script.opened] == [f"/orders/{ORDER_ID}"]

    @pytest.mark.parametrize("code", [1000, 1001, 1006, 1011, 1012, 4408, 4429])
    def test_a_close_resumes_after_the_last_event(self, script: Script, api: Operations, code: int) -> None:
        replies = (OPENED, SNAPSHOT, *EVENTS[:2], closed(code), REFUSED, LOST, OPENED, SNAPSHOT, *EVENTS[2:])
        events = script.items(api.follow(ORDER_ID), *replies)

        assert seqs(events) == [1, 2, 3, 4, 5]
        assert [one.params for one in script.opened] == [{"after": 0}, *[{"after": 2}] * 3]
        assert script.pauses == [0.5, 1.0, 2.0]

    def test_repeats_are_dropped_and_gaps_are_read(self, script: Script, api: Operations) -> None:
        rest = answer(200, {"results": EVENTS[1:4]})
        events = script.items(
            api.follow(ORDER_ID), OPENED, SNAPSHOT, EVENTS[0], EVENTS[0], EVENTS[3], rest, *EVENTS[2:]
        )

        assert seqs(events) == [1, 2, 3, 4, 5]
        assert [(one.path, one.params) for one in script.sent] == [(f"/api/v1/orders/{ORDER_ID}/events", {"after": 1})]

    def test_an_order_that_has_ended_already_waits_for_nothing(self, script: Script, api: Operations) -> None:
        assert script.items(api.follow(ORDER_ID, after=5), OPENED, SNAPSHOT) == []

    def test_a_silent_connection_is_left_after_three_heartbeats(self, script: Script, api: Operations) -> None:
        beat = {"type": "heartbeat", "seq": 1, "at": "x"}
        replies = (OPENED, SNAPSHOT, EVENTS[0], Seconds(15, beat), None, OPENED, SNAPSHOT, *EVENTS[1:])
        before = script.now
        events = script.items(api.follow(ORDER_ID), *replies)

        assert seqs(events) == [1, 2, 3, 4, 5]
        assert script.now - before == 15 + 45 + 0.5

    @pytest.mark.parametrize(
        ("code", "kind"),
        [(4400, InvalidRequestError), (4401, UnauthorizedError), (4403, ForbiddenError), (4404, NotFoundError)],
    )
    @pytest.mark.parametrize("is_told", [True, False])
    def test_a_refusal_stands(
        self, script: Script, api: Operations, code: int, kind: type[ProblemError], is_told: bool
    ) -> None:
        told = {"type": "error", "problem": {"code": "why", "status": code - 4000, "detail": "because", "title": "t"}}
        with pytest.raises(kind) as raised:
            script.items(api.follow(ORDER_ID), OPENED, *([told] if is_told else []), closed(code))

        assert raised.value.code == ("why" if is_told else f"http_{code - 4000}")

    def test_an_archived_order_is_gone(self, script: Script, api: Operations) -> None:
        told = {"type": "error", "problem": {"code": "archived", "status": 410, "detail": "d", "title": "t"}}
        with pytest.raises(GoneError):
            script.items(api.follow(ORDER_ID), OPENED, told, closed(4404))

    def test_a_refused_handshake_stands(self, script: Script, api: Operations) -> None:
        with pytest.raises(UnauthorizedError):
            script.items(api.follow(ORDER_ID), problem(401, "unauthorized"))

    def test_a_busy_handshake_is_repeated(self, script: Script, api: Operations) -> None:
        events = script.items(api.follow(ORDER_ID), answer(503), answer(429), OPENED, SNAPSHOT, *EVENTS)

        assert seqs(events) == [1, 2, 3, 4, 5]

    def test_it_gives_up_where_nothing_is_heard_for_too_long(self, script: Script, api: Operations) -> None:
        before = script.now
        with pytest.raises(NoAnswerError):
            script.items(api.follow(ORDER_ID), *[REFUSED] * 100)

        assert 100 <= script.now - before <= 108

    def test_a_server_that_is_busy_for_too_long_says_why(self, script: Script, api: Operations) -> None:
        told = {"type": "error", "problem": {"code": "throttled", "status": 429, "detail": "20 sockets", "title": "t"}}
        with pytest.raises(ProblemError, match="20 sockets"):
            script.items(api.follow(ORDER_ID), *[OPENED, told, closed(4429)] * 100)

    @pytest.mark.parametrize("text", ["", "[]", "{}", "nonsense", '{"type":"event","seq":1}', '{"type":"event"}'])
    def test_a_message_that_is_not_read_is_an_error(self, script: Script, api: Operations, text: str) -> None:
        with pytest.raises(UnexpectedAnswerError):
            script.items(api.follow(ORDER_ID), OPENED, text)


@pytest.mark.parametrize("seed", range(50))
def test_cut_off_anywhere_and_fed_anything_it_gives_each_event_once(script: Script, api: Operations, seed: int) -> None:
    rng = random.Random(seed)
    replies: list[Any] = []
    seq = 0
    while seq < 5:
        replies += [REFUSED] * rng.randrange(2) + [OPENED, SNAPSHOT]
        for _ in range(rng.randrange(4)):
            wanted = rng.choice([seq + 1, seq + 1, max(1, seq), min(5, seq + 2)])
            replies.append(EVENTS[wanted - 1])
            if wanted > seq + 1:
                replies.append(answer(200, {"results": EVENTS[seq:wanted]}))
            seq = max(seq, wanted)
            if seq == 5:
                break
        if seq < 5:
            replies.append(rng.choice([closed(1006), closed(1012), closed(4408), None]))

    assert seqs(script.items(api.follow(ORDER_ID), *replies)) == [1, 2, 3, 4, 5]


class TestStream:
    """The account."""

    def test_it_begins_at_the_hello_and_resumes_after_the_last_event(self, script: Script, api: Operations) -> None:
        shown = {"type": "snapshot", "cursor": "c0", "orders": [], "is_last": True}
        beat = {"type": "heartbeat", "cursor": "c2", "at": "x"}
        replies = (OPENED, closed(1006), OPENED, HELLO, shown, closed(1012), OPENED, HELLO, *EVENTS[:2], beat)
        replies = (*replies, closed(1006), OPENED, HELLO, EVENTS[2])
        events = script.items(api.stream(pair="SOL/USDC"), *replies, most=3)

        assert seqs(events) == [1, 2, 3]
        assert [one.params.get("after") for one in script.opened] == [None, None, "c0", "c2"]
        assert {one.params["pair"] for one in script.opened} == {"SOL/USDC"}

    def test_a_heartbeat_carries_the_cursor_over_what_filters_exclude(self, script: Script, api: Operations) -> None:
        replies = (OPENED, HELLO, {"type": "heartbeat", "cursor": "c9", "at": "x"}, closed(1012), OPENED, HELLO)
        script.items(api.stream("c3"), *replies, EVENTS[0], most=1)

        assert [one.params["after"] for one in script.opened] == ["c3", "c9"]

    def test_the_64th_event_is_acknowledged_when_it_has_been_taken(self, script: Script, api: Operations) -> None:
        many = [event(seq=seq) for seq in range(1, 131)]
        script.items(api.stream("0"), OPENED, HELLO, *many, most=130)

        assert script.said == [{"op": "ack", "cursor": "c64"}, {"op": "ack", "cursor": "c128"}]

    def test_a_few_events_are_acknowledged_after_a_second(self, script: Script, api: Operations) -> None:
        script.items(api.stream("0"), OPENED, HELLO, EVENTS[0], None, Seconds(20, EVENTS[1]), EVENTS[2], most=3)

        assert script.said == [{"op": "ack", "cursor": "c1"}, {"op": "ack", "cursor": "c2"}]

    def test_what_an_earlier_connection_sent_is_not_acknowledged_on_the_next(
        self, script: Script, api: Operations
    ) -> None:
        replies = (OPENED, HELLO, EVENTS[0], closed(1012), OPENED, HELLO, None, OPENED, HELLO, EVENTS[1])
        script.items(api.stream("0"), *replies, most=2)

        assert script.said == []

    def test_a_gap_is_an_error_that_says_where_to_go_on(self, script: Script, api: Operations) -> None:
        with pytest.raises(GapError) as raised:
            script.items(api.stream("c1"), OPENED, HELLO | {"resumed": False}, GAP, GONE)

        assert (raised.value.lost_from, raised.value.cursor) == ("c1", "c5")

    @pytest.mark.parametrize(("facts", "cursor"), [({"cursor": "c7", "oldest": "c5"}, "c5"), ({"cursor": "c7"}, "c7")])
    def test_a_caller_who_takes_notice_goes_on_with_what_is_left(
        self, script: Script, api: Operations, facts: Any, cursor: str
    ) -> None:
        gaps: list[GapError] = []
        gone = problem(410, "cursor_unknown", facts=facts)
        replies = (OPENED, HELLO | {"resumed": False}, GAP, gone, OPENED, HELLO, EVENTS[4])
        events = script.items(api.stream("c1", on_gap=gaps.append), *replies, most=1)

        assert seqs(events) == [5]
        assert [gap.cursor for gap in gaps] == [cursor]
        assert [one.params["after"] for one in script.opened] == ["c1", cursor]

    def test_a_gap_that_rest_does_not_know_is_asked_about_again(self, script: Script, api: Operations) -> None:
        replies = (OPENED, HELLO | {"resumed": False}, GAP, answer(200, {}), OPENED, HELLO, EVENTS[0])

        assert seqs(script.items(api.stream("c1"), *replies, most=1)) == [1]


class TestWait:
    """An order that is waited for."""

    @pytest.mark.parametrize(("until", "events"), [("final", 5), ("SUBMITTED", 4), ("ROUTING", 2), ("PENDING", 1)])
    def test_it_answers_with_the_order_of_then(self, script: Script, api: Operations, until: str, events: int) -> None:
        now = answer(200, order(seq=events))

        assert script.run(api.wait(ORDER_ID, until), OPENED, SNAPSHOT, *EVENTS[:events], now).seq == events

    def test_a_failed_order_reaches_nothing_else(self, script: Script, api: Operations) -> None:
        failed = event(seq=1, status="FAILED")

        assert script.run(api.wait(ORDER_ID, "SUBMITTED"), OPENED, SNAPSHOT, failed, answer(200, order(seq=1))).seq == 1

    def test_it_waits_no_longer_than_asked(self, script: Script, api: Operations) -> None:
        before = script.now
        with pytest.raises(WaitTimeoutError) as raised:
            script.run(api.wait(ORDER_ID, timeout_s=20), OPENED, SNAPSHOT, EVENTS[0], None)

        assert isinstance(raised.value, TimeoutError)
        assert script.now - before == 20

    def test_nor_for_a_connection(self, script: Script, api: Operations) -> None:
        before = script.now
        with pytest.raises(WaitTimeoutError):
            script.run(api.wait(ORDER_ID, timeout_s=5), *[REFUSED] * 100)

        assert script.now - before == 5

    def test_a_status_that_is_none_is_refused(self, script: Script, api: Operations) -> None:
        with pytest.raises(ValueError, match="final"):
            script.run(api.wait(ORDER_ID, "DONE"))


class TestQuotes:
    """The quote stream: one message at a time."""

    def test_each_is_acknowledged_once_it_is_taken_and_the_wish_repeated(self, script: Script, api: Operations) -> None:
        asked = api.quotes("SOL", "USDC", 250, venues={"deny": ["orca"]})
        beat = {"type": "heartbeat", "at": "x"}
        replies = (OPENED, GREETING, QUOTED, beat, QUOTED, closed(1012), OPENED, GREETING, QUOTED)
        seen = script.items(asked, *replies, most=3)

        wish = {"token_in": "SOL", "token_out": "USDC", "amount": "250", "venues": {"deny": ["orca"]}}
        assert [one.amount_out for one in seen] == ["36000"] * 3
        subscribe, ack = {"op": "subscribe", "quote": wish}, {"op": "ack"}
        assert script.said == [subscribe, ack, ack, subscribe]

    def test_no_quote_now_is_an_error(self, script: Script, api: Operations) -> None:
        with pytest.raises(RefusedError, match="no_route"):
            script.items(api.quotes("SOL", "USDC", "1"), OPENED, GREETING, UNQUOTED)

    def test_or_is_told_and_waited_out(self, script: Script, api: Operations) -> None:
        problems: list[ProblemError] = []
        asked = api.quotes("SOL", "USDC", "1", on_problem=problems.append)

        assert len(script.items(asked, OPENED, GREETING, UNQUOTED, QUOTED, most=1)) == 1
        assert [problem.code for problem in problems] == ["no_route"]
        assert script.said[1:] == [{"op": "ack"}]
