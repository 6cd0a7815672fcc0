"""POST /orders without the REST framework's request and response: the same reader, rules, service and renderer.

`OrdersView` states the contract, and answers whatever is refused before it is stored: such a request comes back from
here, and nothing was done for it but that its key was used. So nothing that the view refuses is refused here in other
words. Requests of one caller are answered together: what they need is read once, and one statement stores them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from django.http import HttpRequest
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.renderers import JSONRenderer

from orders.access.authentication import Caller, caller_from
from orders.api.exceptions import MEDIA_TYPE, RETRY_AFTER_S, logged_problem, problem_headers
from orders.api.orders import OrdersView
from orders.api.posts import BY_NAMES, headers_of, judged, order_answer, order_reader, read_idempotency, read_offer
from orders.api.throttles import KeyThrottle
from orders.database.write_watch import watch_writes
from orders.inputs.strict_json import read_json
from orders.notify.wake import wake
from orders.problems import Problem
from orders.scopes import TRADE
from orders.services.idempotency import Answer, Idempotency, answer_once
from orders.services.joined import Outcome, place_joined
from orders.services.place import Placed, place_orders
from orders.states import Stage
from orders.terms import NewOrder

PATH, METHOD = "/api/v1/orders", "POST"
BUSY = Problem("not_ready", "too many orders wait to be stored; nothing was stored")
JSON = "application/json"


class Asked(NamedTuple):
    """What all requests here ask for, for the log."""

    method: str = METHOD
    path: str = PATH


@dataclass(frozen=True, slots=True)
class Alike:
    """What requests have in common that are answered together. Those with an Idempotency-Key are repeats of one."""

    authorization: str = field(repr=False)
    address: str
    idempotency_key: str | None = field(default=None, repr=False)


class Reply(NamedTuple):
    """An answer, but for the headers that every answer of the server has."""

    status: int
    headers: dict[str, str]
    body: bytes


class _Ready(NamedTuple):
    """An order that is stored next."""

    order: NewOrder
    idempotency: Idempotency | None
    throttle: KeyThrottle


def answer_posts(alike: Alike, bodies: Sequence[bytes]) -> list[Reply | None]:
    """The reply to each body, in their order; None: the view is to answer it. Never raises."""
    with watch_writes() as watch:
        watch.ignore()  # that a key was used is noted
        try:
            caller = _caller(alike)
            offer = read_offer() if caller else None
        except Exception as error:
            return [_failed(error)] * len(bodies)
    if caller is None or offer is None:
        return [None] * len(bodies)
    fields = order_reader()

    def read(body: bytes) -> _Ready | None:
        try:
            data = read_json(body)
            order = judged(fields.run_validation(data), offer, caller)
            key = alike.idempotency_key
            idempotency = None if key is None else read_idempotency(key, [METHOD, PATH, data])
        except Exception:  # whatever it is, the view meets it too, and tells it
            return None
        throttle = KeyThrottle()
        # Counted last: the view counts what it answers.
        if isinstance(order, NewOrder) and throttle.allows(caller.key):
            return _Ready(order, idempotency, throttle)
        return None

    ready = [read(body) for body in bodies]
    replies = iter(_stored(caller, [one for one in ready if one]))
    return [one and next(replies) for one in ready]


def busy() -> Reply:
    """To a request for which there is no room."""
    return _problem(BUSY, {"Retry-After": str(RETRY_AFTER_S)})


def _caller(alike: Alike) -> Caller | None:
    """Who calls, if it may place orders at all."""
    try:
        caller = caller_from(alike.authorization, alike.address)
    except AuthenticationFailed:
        return None
    return caller if caller and caller.may(TRADE) else None


def _stored(caller: Caller, ready: Sequence[_Ready]) -> list[Reply]:
    """What becomes of each order."""
    if not ready or ready[0].idempotency:
        return [_stored_once(caller, one) for one in ready]
    outcomes = place_joined(caller.account, [one.order for one in ready], key=caller.key)
    if any(isinstance(outcome, Placed) for outcome in outcomes):
        wake(Stage.ROUTE)
    return [_reply(outcome, one.throttle) for outcome, one in zip(outcomes, ready, strict=True)]


def _stored_once(caller: Caller, one: _Ready) -> Reply:
    def run() -> Answer:
        return order_answer(place_orders(caller.account, [one.order], key=caller.key)[0])

    with watch_writes():
        try:
            return _answered(answer_once(caller.account, one.idempotency, run), one.throttle)
        except Exception as error:
            return _failed(error, one.throttle)


def _reply(outcome: Outcome, throttle: KeyThrottle) -> Reply:
    if isinstance(outcome, Exception):
        return _failed(outcome, throttle)
    try:
        return _answered(order_answer(outcome), throttle)
    except Exception as error:
        return _failed(error, throttle)


def _answered(answer: Answer, throttle: KeyThrottle) -> Reply:
    headers = {"Content-Type": JSON, **headers_of(answer), **_OF_THE_VIEW, **throttle.headers()}
    return Reply(answer.status_code, headers, JSONRenderer().render(answer.body))


def _failed(error: Exception, throttle: KeyThrottle | None = None) -> Reply:
    """What the view's own handler answers."""
    problem = logged_problem(error, Asked(), BY_NAMES)
    return _problem(problem, problem_headers(problem, error), throttle)


def _problem(problem: Problem, headers: Mapping[str, str], throttle: KeyThrottle | None = None) -> Reply:
    body = JSONRenderer().render(problem.to_json() | {"instance": PATH})
    counted = throttle.headers() if throttle else {}
    return Reply(problem.status, {"Content-Type": MEDIA_TYPE, **headers, **_OF_THE_VIEW, **counted}, body)


def _headers_of_the_view() -> Mapping[str, str]:
    view = OrdersView()
    view.setup(HttpRequest())
    headers: Mapping[str, str] = view.default_response_headers
    return headers


_OF_THE_VIEW = _headers_of_the_view()
