"""What has happened to an order, as its events tell it: quotes, attempts, and what each met. Pure.

Events of every version are read: what an older one does not tell is None.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import orjson

from orders.event_log.event import Event
from orders.measures import benchmark
from orders.models import Order
from orders.states import OrderStatus, is_terminal


class QuoteSeen(NamedTuple):
    """A route that the order was quoted, in atoms. `told` is the event's data."""

    attempt: int
    at: str
    amount_in: int | None
    amount_out: int | None
    mid_out: int | None
    told: Mapping[str, Any]

    def amount(self, side: str) -> int | None:
        """Of the side that is not fixed."""
        return self.amount_out if side == "exact_in" else self.amount_in

    def is_of(self, order: Order) -> bool:
        """Whether it is of the order's present amount, which its owner may have replaced since."""
        return bool((self.amount_in if order.side == "exact_in" else self.amount_out) == order.amount)

    def mid(self, side: str) -> int | None:
        """What the amount was worth at the mid price then."""
        return benchmark(side, self.amount_in, self.amount_out, self.mid_out)


class Happening(NamedTuple):
    """Something that an order met: a stable code, when, in which attempt, and what the event tells of it."""

    code: str
    at: str
    seq: int
    attempt: int
    facts: Mapping[str, Any]


@dataclass(slots=True)
class Attempt:
    """One try at executing the order. `result` is its end, None while it goes on."""

    number: int
    began_at: str
    quote: QuoteSeen | None = None
    tx_hashes: list[str] = field(default_factory=list)
    met: list[Happening] = field(default_factory=list)
    result: Happening | None = None


@dataclass(slots=True)
class History:
    """All of it, oldest first."""

    events: Sequence[Event]
    quotes: list[QuoteSeen] = field(default_factory=list)
    happenings: list[Happening] = field(default_factory=list)
    attempts: list[Attempt] = field(default_factory=list)

    @property
    def first_quote(self) -> QuoteSeen | None:
        """The one that it arrived with."""
        return self.quotes[0] if self.quotes else None

    @property
    def last_quote(self) -> QuoteSeen | None:
        """The newest one."""
        return self.quotes[-1] if self.quotes else None

    def last(self, *codes: str) -> Happening | None:
        """The newest of these."""
        return next((one for one in reversed(self.happenings) if one.code in codes), None)


# By what an event tells, in this order: the first that is there says what has happened.
_TOLD = {
    "failure": "failed",
    "triggered": "triggered",
    "replaced": "terms_replaced",
    "cancel_requested": "cancel_requested",
    "replacement": "fees_raised",
    "cancel": "cancellation_sent",
    "reorg": "reorg",
    "children": "children_placed",
    "armed": "armed",
    "sibling": "held_back",
    "wait": "price_not_reached",
    "halted": "halted",
    "waited": "wait_over",
    "withheld": "withheld",
    "doubt": "answer_unclear",
}


def read_history(events: Sequence[Event]) -> History:
    """From all events of an order, in order."""
    history = History(events)
    for event, data in ((event, data_of(event)) for event in events):
        attempt = _attempt_of(history, event)
        if _quote_of(data):
            attempt.quote = _quote(event, data)
            history.quotes.append(attempt.quote)
        for tx_hash in _hashes(data):
            if tx_hash not in attempt.tx_hashes:
                attempt.tx_hashes.append(tx_hash)
        happening = _happening(event, data)
        if happening is None:
            continue
        history.happenings.append(happening)
        if happening.code in {"failed", "filled", "progressed"} and is_terminal(event.status):
            attempt.result = happening
        elif happening.code == "tried_again":
            _ended(history, happening)
        else:
            attempt.met.append(happening)
    return history


def data_of(event: Event) -> Mapping[str, Any]:
    """What an event tells, which may have come as text."""
    data: Mapping[str, Any] = orjson.loads(event.data) if isinstance(event.data, str) else event.data
    return data


def _attempt_of(history: History, event: Event) -> Attempt:
    """The attempt that an event belongs to. A number comes with the event that ends the attempt before."""
    if not history.attempts or history.attempts[-1].number != event.attempt:
        history.attempts.append(Attempt(event.attempt, event.at))
    return history.attempts[-1]


def _ended(history: History, happening: Happening) -> None:
    """Give an attempt its end, which the first event of the next one tells."""
    before = [one for one in history.attempts if one.number < happening.attempt]
    if before:
        before[-1].result = happening


def _quote_of(data: Mapping[str, Any]) -> bool:
    return bool(data.get("route")) and "quoted_amount_out_raw" in data


def _quote(event: Event, data: Mapping[str, Any]) -> QuoteSeen:
    amount_in, amount_out = _atoms(data, "quoted_amount_in_raw"), _atoms(data, "quoted_amount_out_raw")
    return QuoteSeen(event.attempt, event.at, amount_in, amount_out, _atoms(data, "mid_amount_out_raw"), data)


def _happening(event: Event, data: Mapping[str, Any]) -> Happening | None:
    code, told = _code_and_facts(event, data)
    return None if code is None else Happening(code, event.at, event.seq, event.attempt, told)


def _code_and_facts(event: Event, data: Mapping[str, Any]) -> tuple[str | None, Mapping[str, Any]]:
    name = next((name for name in _TOLD if data.get(name)), None)
    if name is not None:
        told = data[name]
        return _TOLD[name], told if isinstance(told, Mapping) else data
    if "retry" in data:
        if "waiting_for" in data:
            return "waited", {**data["retry"], "waiting_for": data["waiting_for"]}
        return "tried_again", data["retry"]
    if event.status == OrderStatus.CONFIRMED:
        return "filled", data
    if event.status == OrderStatus.SUBMITTED:
        return "submitted", data
    if _quote_of(data):
        return "quoted", {}
    return ("progressed", data) if "slices_done" in data else (None, data)


def _hashes(data: Mapping[str, Any]) -> Iterator[str]:
    """Of transactions that an event tells of."""
    for told in (data, data.get("replacement"), data.get("cancel")):
        if isinstance(told, Mapping) and isinstance(told.get("tx_hash"), str):
            yield told["tx_hash"]


def _atoms(data: Mapping[str, Any], name: str) -> int | None:
    value = data.get(name)
    return int(value) if isinstance(value, (str, int)) and str(value).lstrip("-").isdecimal() else None
