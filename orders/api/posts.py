"""What the POSTs that place or price orders have in common: the offer, and the Idempotency-Key."""

import hashlib
import re
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any

import orjson
from rest_framework.request import Request
from rest_framework.response import Response

from dex import Engine, Side
from orders import selectors
from orders.access.authentication import Caller
from orders.access.key_limits import apply_key_limits, require_real_orders
from orders.amounts import parse_units
from orders.api.base import account_of, actor_of, caller_of
from orders.api.intake import Offer, new_order
from orders.api.parameters import KEY_PATTERN, MAX_KEY_LENGTH
from orders.api.parsers import FloatFree
from orders.api.serializers import OrderRequestSerializer
from orders.api.stated import stated_hash
from orders.audit.record import Entry, record
from orders.config import default_price_impact_bps, default_slippage_bps
from orders.engine import get_engine
from orders.event_log.log import first_terms
from orders.models import Token
from orders.order_types import ORDER_TYPES, SLICED_TYPES
from orders.presentation.accepted import accepted_order_json
from orders.presentation.orders import first_answer_json
from orders.problems import Problem, ProblemError
from orders.services.idempotency import Answer, Idempotency, answer_once
from orders.services.place import Placed
from orders.services.quote_ids import Clock, within_quote
from orders.services.slices import slices_refusal
from orders.terms import NewOrder, Refused

BY_NAMES = "GET /api/v1/orders lists what is stored; a repeat with the same Idempotency-Key stores nothing twice"


@cache
def order_reader() -> OrderRequestSerializer:
    """One for all requests: building the fields costs ten times what using them does, and no use leaves a trace."""
    reader = OrderRequestSerializer()
    assert reader.fields
    return reader


def read_offer() -> Offer:
    """What can be traded now."""
    return offer_of(selectors.tokens())


def offer_of(tokens: Mapping[str, Token]) -> Offer:
    """What can be traded while these are the tokens."""
    engine = get_engine()
    return Offer(
        chain_id=engine.chain.chain_id,
        native=engine.chain.native,
        tokens=tokens,
        venues=frozenset(venue.name for venue in engine.venues),
        default_slippage_bps=default_slippage_bps(),
        default_price_impact_bps=default_price_impact_bps(),
    )


def order_of(
    fields: Mapping[str, Any], offer: Offer, caller: Caller, stated: bytes = b"", now_ms: Clock | None = None
) -> NewOrder:
    """The order of OrderRequestSerializer's fields, within the quote that it names, if any. Raises: ProblemError."""
    new, quote_id = new_order(fields, offer, stated), fields.get("quote_id")
    return new if quote_id is None else within_quote(new, quote_id, caller.account.id, now_ms)


def judged(
    fields: Mapping[str, Any],
    offer: Offer,
    caller: Caller,
    engine: Engine | None = None,
    now_ms: Clock | None = None,
) -> NewOrder | Refused:
    """The order of OrderRequestSerializer's fields, or why they are refused now; a repeat is known in both cases.

    With an engine the slices of an order are judged too, which asks the chain: call it outside of transactions then.
    `now_ms` reads the database's clock for an order that names a quote.
    """
    stated = stated_hash(fields)
    try:
        require_real_orders(caller)
        new = apply_key_limits(order_of(fields, offer, caller, stated, now_ms), caller)
        if engine is not None and isinstance(new, NewOrder):
            new = slices_refusal(new, engine) or new
    except ProblemError as error:
        new = error.problem
    if isinstance(new, Problem):
        return Refused(new, fields.get("client_order_id"), stated)
    return new


def names_quote(data: Any) -> bool:
    """Whether a request is for an order within a quote, which is judged by the database's clock."""
    return isinstance(data, Mapping) and data.get("quote_id") is not None


def is_sliced(data: Any) -> bool:
    """Whether a request may be for an order whose slices are judged on the market."""
    return isinstance(data, Mapping) and data.get("type") in SLICED_TYPES


def created_by(results: Sequence[Placed | Problem]) -> list[Placed]:
    """The orders that a request itself stores."""
    return [result for result in results if isinstance(result, Placed) and not result.is_replay]


def answer_post(request: Request, run: Callable[[], Answer]) -> Response:
    """Run a POST under its Idempotency-Key, where there is one.

    Who placed the orders stands on them where it was a key; of a person the audit log says so.
    """

    def noted() -> Answer:
        answer = run()
        if caller_of(request).person is not None:
            of = account_of(request).pk
            entries = [Entry("order.place", f"order:{placed.order.id}", account_id=of) for placed in answer.created]
            record(actor_of(request, ""), entries)
        return answer

    answer = answer_once(account_of(request), idempotency_of(request), noted)
    return Response(answer.body, status=answer.status_code, headers=headers_of(answer))


def etag(version: int) -> str:
    """The version of an order as a header says it, for If-Match of a PATCH."""
    return f'"{version}"'


def headers_of(answer: Answer) -> dict[str, str]:
    """Headers that belong to the answer."""
    headers = {"Location": answer.location, "ETag": etag(answer.body["version"])} if answer.location else {}
    return headers | ({"Idempotent-Replayed": "true"} if answer.is_replay else {})


def idempotency_of(request: Request) -> Idempotency | None:
    """The caller's key and what came with it. Raises: ProblemError for a key that is none."""
    key = request.headers.get("Idempotency-Key")
    return None if key is None else read_idempotency(key, [request.method, request.path_info, request.data])


def read_idempotency(key: str, stated: Sequence[Any]) -> Idempotency:
    """A key as it was sent, with what came with it: method, path and body. Raises: ProblemError."""
    if len(key) > MAX_KEY_LENGTH or re.fullmatch(KEY_PATTERN, key) is None:
        form = f"1 to {MAX_KEY_LENGTH} printable ASCII characters without blanks or commas"
        detail = f"Idempotency-Key must be stated once, as {form}"
        raise ProblemError(Problem("invalid", detail))
    return Idempotency(key, hashlib.sha256(orjson.dumps(stated, option=orjson.OPT_SORT_KEYS)).digest())


def order_answer(placed: Placed | Problem) -> Answer:
    """The answer to one order. Raises: ProblemError for one that was refused."""
    if isinstance(placed, Problem):
        raise ProblemError(placed)
    location = f"/api/v1/orders/{placed.order.id}"
    return Answer(201, FloatFree(accepted_json(placed)), location, placed.is_replay, created_by([placed]))


def accepted_json(placed: Placed) -> dict[str, Any]:
    """The order as this POST, or the first one like it, answers it. It has no route yet, and so no float."""
    order = placed.order
    if not placed.is_replay:
        return accepted_order_json(order)
    answer = first_answer_json(order)
    if order.seq > 1 and (ORDER_TYPES[order.order_type].waits_for or order.link_id):
        answer |= (first := first_terms(order.id))
        if "amount" in first:
            decimals = order.decimals_in if order.side == Side.EXACT_IN else order.decimals_out
            answer["amount_raw"] = str(parse_units(first["amount"], decimals))
    return answer
