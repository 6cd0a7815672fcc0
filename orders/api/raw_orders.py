"""POST /orders without the REST framework's request and response: the same reader, rules, service and renderer.

`OrdersView` states the contract, and answers what is refused before it is stored: such a request comes back from
here, and nothing was done for it but that its key was used. So nothing that the view refuses is refused here in other
words. Requests of one caller are answered together: what they need is read once, and one statement stores them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from django.http import HttpRequest
from rest_framework.exceptions import AuthenticationFailed

from orders.access.authentication import Caller
from orders.access.known import known_caller, look_up
from orders.api.exceptions import MEDIA_TYPE, RETRY_AFTER_S, logged_problem, problem_headers
from orders.api.intake import Offer
from orders.api.orders import OrdersView
from orders.api.parsers import QuickJSONRenderer
from orders.api.posts import (
    BY_NAMES,
    headers_of,
    is_sliced,
    judged,
    names_quote,
    offer_of,
    order_answer,
    order_reader,
    read_idempotency,
)
from orders.api.throttles import KeyThrottle
from orders.database.rows import ALWAYS, Condition
from orders.database.write_watch import watch_writes
from orders.inputs.strict_json import read_json
from orders.problems import Problem
from orders.scopes import TRADE
from orders.selectors import KnownTokens, read_tokens
from orders.services.idempotency import Answer, Idempotency, answer_once
from orders.services.joined import Asker, Outcome, place_joined
from orders.services.place import Outdated, Placed, begin_waking_placed, place_orders
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


class _Terms(NamedTuple):
    """By whom and on what terms orders are asked for, as it was read, and the condition under which it still is so."""

    caller: Caller
    offer: Offer
    holds: Condition = ALWAYS


# The tokens as they were read last.
_tokens: list[KnownTokens] = []


def answer_posts(alike: Alike, bodies: Sequence[bytes]) -> list[Reply | None]:
    """The reply to each body, in their order; None: the view is to answer it. Never raises.

    Caller and tokens are not read where they were before: the statement that stores the orders stores nothing if they
    have changed, and then they are read again, and so are the orders by them.
    """
    throttles = [KeyThrottle() for _ in bodies]
    replies: dict[int, Reply | None] = {}
    known = None if alike.idempotency_key is not None else _known_terms(alike)
    if known is not None:
        tried = _answer(known, alike, bodies, throttles)
        replies = {i: reply for i, reply in enumerate(tried) if not isinstance(reply, Outdated)}
    left = [i for i in range(len(bodies)) if i not in replies]
    if left:
        replies |= zip(left, _answer_anew(alike, [bodies[i] for i in left], [throttles[i] for i in left]), strict=True)
    return [replies[i] for i in range(len(bodies))]


def _answer_anew(alike: Alike, bodies: Sequence[bytes], throttles: Sequence[KeyThrottle]) -> list[Reply | None]:
    """As `answer_posts`, on terms that are read now."""
    with watch_writes() as watch:
        watch.ignore()  # that a key was used is noted
        try:
            terms = _read_terms(alike)
        except Exception as error:
            return [_failed(error)] * len(bodies)
    if terms is None:
        return [None] * len(bodies)
    replies = _answer(terms, alike, bodies, throttles)
    return [_failed(reply) if isinstance(reply, Outdated) else reply for reply in replies]


def _answer(
    terms: _Terms, alike: Alike, bodies: Sequence[bytes], throttles: Sequence[KeyThrottle]
) -> "list[Reply | Outdated | None]":
    fields = order_reader()

    def read(body: bytes, throttle: KeyThrottle) -> _Ready | None:
        try:
            data = read_json(body)
            if is_sliced(data) or names_quote(data):  # the view asks the chain about its slices, the database the time
                return None
            order = judged(fields.run_validation(data), terms.offer, terms.caller)
            key = alike.idempotency_key
            idempotency = None if key is None else read_idempotency(key, [METHOD, PATH, data])
        except Exception:  # the view meets the same error, and answers with it
            return None
        # Counted last: the view counts what it answers.
        if isinstance(order, NewOrder) and throttle.allows(terms.caller.key):
            return _Ready(order, idempotency, throttle)
        return None

    ready = [read(body, throttle) for body, throttle in zip(bodies, throttles, strict=True)]
    replies = iter(_stored(terms, [one for one in ready if one]))
    return [one and next(replies) for one in ready]


def busy() -> Reply:
    """To a request for which there is no room."""
    return _problem(BUSY, {"Retry-After": str(RETRY_AFTER_S)})


def _known_terms(alike: Alike) -> _Terms | None:
    """What is known of earlier requests, if anything is. Reads no row."""
    known = known_caller(alike.authorization, alike.address)
    if known is None or not known.caller.may(TRADE) or not _tokens:
        return None
    tokens = _tokens[0]
    return _Terms(known.caller, offer_of(tokens.by_symbol), known.holds.with_also(tokens.holds))


def _read_terms(alike: Alike) -> _Terms | None:
    """The same as it is now; None for who may not place orders at all."""
    try:
        known = look_up(alike.authorization, alike.address)
    except AuthenticationFailed:
        return None
    if known is None or not known.caller.may(TRADE):
        return None
    _tokens[:] = [read_tokens()]
    return _Terms(known.caller, offer_of(_tokens[0].by_symbol))


def _stored(terms: _Terms, ready: Sequence[_Ready]) -> list[Reply | Outdated]:
    """What becomes of each order."""
    if not ready or ready[0].idempotency:
        return [_stored_once(terms.caller, one) for one in ready]
    asker = Asker(terms.caller.account, terms.caller.key, terms.holds)
    outcomes = place_joined(asker, [one.order for one in ready])
    placed = [outcome for outcome in outcomes if isinstance(outcome, Placed)]
    hear = begin_waking_placed(placed) if placed else None
    replies = [_reply(outcome, one.throttle) for outcome, one in zip(outcomes, ready, strict=True)]
    if hear is not None:
        hear()
    return replies


def _stored_once(caller: Caller, one: _Ready) -> Reply:
    def run() -> Answer:
        return order_answer(place_orders(caller.account, [one.order], key=caller.key)[0])

    with watch_writes():
        try:
            return _answered(answer_once(caller.account, one.idempotency, run), one.throttle)
        except Exception as error:
            return _failed(error, one.throttle)


def _reply(outcome: Outcome, throttle: KeyThrottle) -> Reply | Outdated:
    if isinstance(outcome, Outdated):
        return outcome
    if isinstance(outcome, Exception):
        return _failed(outcome, throttle)
    try:
        return _answered(order_answer(outcome), throttle)
    except Exception as error:
        return _failed(error, throttle)


def _answered(answer: Answer, throttle: KeyThrottle) -> Reply:
    headers = {"Content-Type": JSON, **headers_of(answer), **_OF_THE_VIEW, **throttle.headers()}
    return Reply(answer.status_code, headers, QuickJSONRenderer().render(answer.body))


def _failed(error: Exception, throttle: KeyThrottle | None = None) -> Reply:
    """What the view's own handler answers."""
    problem = logged_problem(error, Asked(), BY_NAMES)
    return _problem(problem, problem_headers(problem, error), throttle)


def _problem(problem: Problem, headers: Mapping[str, str], throttle: KeyThrottle | None = None) -> Reply:
    body = QuickJSONRenderer().render(problem.to_json() | {"instance": PATH})
    counted = throttle.headers() if throttle else {}
    return Reply(problem.status, {"Content-Type": MEDIA_TYPE, **headers, **_OF_THE_VIEW, **counted}, body)


def _headers_of_the_view() -> Mapping[str, str]:
    view = OrdersView()
    view.setup(HttpRequest())
    headers: Mapping[str, str] = view.default_response_headers
    return headers


_OF_THE_VIEW = _headers_of_the_view()
