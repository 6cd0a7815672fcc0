"""Following an order to its end, and quotes as they change, over any reconnects."""

import time
from collections.abc import Callable, Mapping
from typing import Any

from orderengine_client.errors import ProblemError, WaitTimeoutError, problem_error
from orderengine_client.flows import Emit, Flow, ItemFlow, Open, Send
from orderengine_client.generated.models import Event, Events, Order, Quote
from orderengine_client.retries import Retries, call
from orderengine_client.sockets import Message, Socket, parsed
from orderengine_client.values import OrderId, id_text

TERMINAL = frozenset({"CONFIRMED", "FAILED"})
# What `wait` may wait for. An order that is routed again has reached ROUTING already.
COURSE = ("PENDING", "ROUTING", "BUILDING", "SUBMITTED")
LONG_S = 3600.0

OnProblem = Callable[[ProblemError], None]


def follow(order_id: OrderId, after: int, retries: Retries, ends_at: float | None = None) -> ItemFlow[Event]:
    """The events of an order after a seq, to its last one. Raises: WaitTimeoutError at `ends_at`, ClientError."""
    seq = after
    socket = Socket(lambda: Open(f"/orders/{id_text(order_id)}", {"after": seq}), retries)
    while True:
        patience_s = LONG_S if ends_at is None else ends_at - time.monotonic()
        if patience_s <= 0:
            raise WaitTimeoutError(f"order {order_id} is not as far yet, after event {seq}")
        message = yield from socket.receive(patience_s)
        if message is None:
            continue
        if message["type"] == "snapshot" and _has_ended(message["order"], seq):
            return
        for event in (yield from _next_events(order_id, seq, message, retries)):
            yield Emit(event)
            seq = event.seq
            if event.status in TERMINAL:
                return


def wait(order_id: OrderId, until: str, timeout_s: float | None, retries: Retries) -> Flow[Order]:
    """The order once it has ended, or reached a status. Raises: WaitTimeoutError, ClientError."""
    if until != "final" and until not in COURSE:
        raise ValueError(f"until is 'final' or one of {', '.join(COURSE)}")
    ends_at = None if timeout_s is None else time.monotonic() + timeout_s
    events, reply = follow(order_id, 0, retries, ends_at), None
    try:
        while True:
            effect = events.send(reply)
            if not isinstance(effect, Emit):
                reply = yield effect
            elif _has_reached(effect.item.status, until):
                break
            else:
                reply = None
    except StopIteration:
        pass
    return (yield from call(Send("GET", f"/api/v1/orders/{id_text(order_id)}"), Order.from_dict, retries))


def quotes(wanted: Mapping[str, Any], retries: Retries, on_problem: OnProblem | None) -> ItemFlow[Quote]:
    """The quote of a swap each time it changes, without end; where there is none now, `on_problem` is told.

    Raises: ClientError; ProblemError also where there is no quote, and no `on_problem`.
    """
    socket = Socket(lambda: Open("/ws/v1/quotes"), retries)
    while True:
        message = yield from socket.receive(LONG_S)
        kind = "" if message is None else message["type"]
        if message is None or kind == "heartbeat":
            continue
        if kind == "hello":
            socket.heartbeat_s = float(message["heartbeat_s"])
            yield from socket.say({"op": "subscribe", "quote": wanted})
            continue
        if kind == "quote":
            yield Emit(parsed(message, lambda told: Quote.from_dict(told["quote"])))
        elif kind == "error":
            _tell(message["problem"], on_problem)
        # The next one is made when this one is acknowledged: a caller who takes long gets the newest.
        yield from socket.say({"op": "ack"})


def _tell(problem: Mapping[str, Any], on_problem: OnProblem | None) -> None:
    error = problem_error(int(problem.get("status", 422)), dict(problem))
    if on_problem is None:
        raise error
    on_problem(error)


def _next_events(order_id: OrderId, seq: int, message: Message, retries: Retries) -> Flow[list[Event]]:
    """The event of a message, with those before it where one is missing; none for a repeat, or another message."""
    if message["type"] != "event":
        return []
    event = parsed(message, Event.from_dict)
    if event.seq <= seq:
        return []
    if event.seq == seq + 1:
        return [event]
    request = Send("GET", f"/api/v1/orders/{id_text(order_id)}/events", {"after": seq})
    page = yield from call(request, Events.from_dict, retries)
    return [one for one in page.results if one.seq > seq]


def _has_ended(order: Mapping[str, Any], seq: int) -> bool:
    return order["status"] in TERMINAL and seq >= order["seq"]


def _has_reached(status: str, until: str) -> bool:
    if status in TERMINAL:
        return True
    return until in COURSE and status in COURSE and COURSE.index(status) >= COURSE.index(until)
