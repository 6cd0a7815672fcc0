"""What the proxy of the benchmarks counts, told by both directions of a session."""

from itertools import count as counted

import pytest

from benchmarks.suite.wire import Counts, Event, Session, Splitter, count

STARTED = b"\x00\x03\x00\x00user\x00engine\x00\x00"


def message(kind: bytes, body: bytes = b"") -> bytes:
    return kind + (len(body) + 4).to_bytes(4) + body


def untyped(body: bytes) -> bytes:
    return message(b"", body)


def parse(name: bytes, text: bytes) -> bytes:
    return message(b"P", name + b"\0" + text + b"\0\0\0")


def execute(name: bytes) -> bytes:
    return message(b"B", b"\0" + name + b"\0" + bytes(6)) + message(b"D", b"P\0") + message(b"E", b"\0" + bytes(4))


def complete(tag: bytes) -> bytes:
    return message(b"C", tag + b"\0")


SYNC = message(b"S")
IDLE, IN_TRANSACTION = message(b"Z", b"I"), message(b"Z", b"T")


class Told:
    """A session whose clock counts the pieces that it was given."""

    def __init__(self) -> None:
        ticks = counted()
        self.events: list[Event] = []
        self.session = Session(7, self.events.append, clock=lambda: float(next(ticks)))
        self.session.client(untyped(STARTED))
        self.session.server(message(b"R", bytes(4)) + IDLE)
        assert self.events == []

    def statements(self) -> list[tuple[str, str, bool]]:
        return [(one.text, one.tag, one.is_parsed) for one in self.events if one.kind == "statement"]

    def counts(self) -> Counts:
        return count(self.events)


def test_a_prepared_statement_is_parsed_once_and_counted_each_time() -> None:
    told = Told()
    told.session.client(parse(b"s1", b"SELECT 1") + execute(b"s1") + SYNC)
    told.session.server(message(b"1") + message(b"2") + complete(b"SELECT 1") + IDLE)
    told.session.client(execute(b"s1") + SYNC)
    told.session.server(message(b"2") + complete(b"SELECT 1") + IDLE)

    assert told.statements() == [("SELECT 1", "SELECT 1", True), ("SELECT 1", "SELECT 1", False)]
    assert told.counts() == Counts(statements=2, transactions=2, writes=0, round_trips=2, parses=1)


def test_a_transaction_counts_once_and_what_delimits_it_is_no_statement() -> None:
    told = Told()
    for text, tag, ready in (
        (b"BEGIN", b"BEGIN", IN_TRANSACTION),
        (b"UPDATE t SET a = 1", b"UPDATE 3", IN_TRANSACTION),
        (b"UPDATE t SET a = 2", b"UPDATE 0", IN_TRANSACTION),
        (b"COMMIT", b"COMMIT", IDLE),
    ):
        told.session.client(message(b"Q", text + b"\0"))
        told.session.server(complete(tag) + ready)

    assert [event.is_delimiter for event in told.events if event.kind == "statement"] == [True, False, False, True]
    assert told.counts() == Counts(statements=2, transactions=1, writes=1, round_trips=4, parses=4)


def test_several_statements_of_one_round_trip() -> None:
    told = Told()
    told.session.client(parse(b"", b"SELECT a") + execute(b"") + parse(b"", b"SELECT b") + execute(b"") + SYNC)
    told.session.server(complete(b"SELECT 1") + complete(b"SELECT 1") + IDLE)
    told.session.client(message(b"Q", b"SELECT c; SELECT d\0"))
    told.session.server(complete(b"SELECT 1") + complete(b"SELECT 1") + IDLE)

    assert [text for text, _, _ in told.statements()] == ["SELECT a", "SELECT b", *["SELECT c; SELECT d"] * 2]
    assert told.counts() == Counts(statements=4, transactions=2, writes=0, round_trips=2, parses=3)


def test_an_error_skips_the_rest_of_its_round_trip() -> None:
    told = Told()
    told.session.client(parse(b"", b"SELECT wrong") + execute(b"") + execute(b"") + SYNC)
    told.session.server(message(b"E", b"SERROR\0\0") + IDLE)
    told.session.client(parse(b"", b"SELECT right") + execute(b"") + SYNC)
    told.session.server(complete(b"SELECT 1") + IDLE)

    assert told.statements() == [("SELECT wrong", "ERROR", True), ("SELECT right", "SELECT 1", True)]


def test_a_round_trip_without_a_statement_is_no_transaction() -> None:
    told = Told()
    told.session.client(parse(b"s1", b"SELECT 1") + SYNC)
    told.session.server(message(b"1") + IDLE)

    assert told.counts() == Counts(round_trips=1, parses=1)


def test_times_are_those_of_sending_and_completion() -> None:
    told = Told()  # has read the clock twice
    told.session.client(message(b"Q", b"SELECT 1\0"))
    told.session.server(message(b"T"))
    told.session.server(complete(b"SELECT 1"))

    assert [(event.at, event.took_s) for event in told.events if event.kind == "statement"] == [(2.0, 2.0)]


@pytest.mark.parametrize("size", [1, 3, 1000])
def test_messages_are_found_however_they_are_cut(size: int) -> None:
    encryption = untyped((80877103).to_bytes(4))
    stream = encryption + untyped(STARTED) + parse(b"", b"SELECT 1") + SYNC
    splitter = Splitter(begins_untyped=True)
    found = [one for at in range(0, len(stream), size) for one in splitter.feed(stream[at : at + size])]

    assert [kind for kind, _ in found] == [b"", b"", b"P", b"S"]
    assert found[1][1] == STARTED


def test_what_an_idle_engine_does_is_subtracted_by_time() -> None:
    seen, idle = Counts(10, 6, 2, 12, 4), Counts(2, 1, 0, 2, 0)

    assert seen.less(idle, 1.5).rounded() == {
        "statements": 7.0,
        "transactions": 4.5,
        "writes": 2.0,
        "round_trips": 9.0,
        "parses": 4.0,
    }
