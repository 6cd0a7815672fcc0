"""What the POSTs that place or price orders have in common: the offer, and the Idempotency-Key."""

import hashlib
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import orjson
from rest_framework.request import Request
from rest_framework.response import Response

from orders import selectors
from orders.access.authentication import Caller
from orders.access.key_limits import apply_key_limits, require_real_orders
from orders.api.base import account_of
from orders.api.intake import Offer, new_order
from orders.api.parameters import KEY_PATTERN, MAX_KEY_LENGTH
from orders.api.stated import stated_hash
from orders.config import default_price_impact_bps, default_slippage_bps
from orders.engine import get_engine
from orders.presentation.orders import first_answer_json, order_json
from orders.problems import Problem, ProblemError
from orders.services.idempotency import Answer, Idempotency, answer_once
from orders.services.place import Placed
from orders.terms import NewOrder, Refused

BY_NAMES = "GET /api/v1/orders lists what is stored; a repeat with the same Idempotency-Key stores nothing twice"


def read_offer() -> Offer:
    """What can be traded now."""
    engine = get_engine()
    return Offer(
        chain_id=engine.chain.chain_id,
        native=engine.chain.native,
        tokens=selectors.tokens(),
        venues=frozenset(venue.name for venue in engine.venues),
        default_slippage_bps=default_slippage_bps(),
        default_price_impact_bps=default_price_impact_bps(),
    )


def judged(fields: Mapping[str, Any], offer: Offer, caller: Caller) -> NewOrder | Refused:
    """The order of OrderRequestSerializer's fields, or why they are refused now; a repeat is known in both cases."""
    stated = stated_hash(fields)
    try:
        require_real_orders(caller)
        new = apply_key_limits(new_order(fields, offer), caller)
    except ProblemError as error:
        new = error.problem
    if isinstance(new, Problem):
        return Refused(new, fields.get("client_order_id"), stated)
    return replace(new, stated=stated)


def created_by(results: Sequence[Placed | Problem]) -> list[Placed]:
    """The orders that a request itself stores."""
    return [result for result in results if isinstance(result, Placed) and not result.is_replay]


def answer_post(request: Request, run: Callable[[], Answer]) -> Response:
    """Run a POST under its Idempotency-Key, where there is one."""
    answer = answer_once(account_of(request), idempotency_of(request), run)
    response = Response(answer.body, status=answer.status_code)
    if answer.location:
        response["Location"] = answer.location
    if answer.is_replay:
        response["Idempotent-Replayed"] = "true"
    return response


def idempotency_of(request: Request) -> Idempotency | None:
    """The caller's key and what came with it. Raises: ProblemError for a key that is none."""
    key = request.headers.get("Idempotency-Key")
    if key is None:
        return None
    if len(key) > MAX_KEY_LENGTH or re.fullmatch(KEY_PATTERN, key) is None:
        form = f"1 to {MAX_KEY_LENGTH} printable ASCII characters without blanks or commas"
        detail = f"Idempotency-Key must be stated once, as {form}"
        raise ProblemError(Problem("invalid", detail))
    stated = [request.method, request.path_info, request.data]
    return Idempotency(key, hashlib.sha256(orjson.dumps(stated, option=orjson.OPT_SORT_KEYS)).digest())


def accepted_json(placed: Placed) -> dict[str, Any]:
    """The order as this POST, or the first one like it, answers it."""
    order = placed.order
    return first_answer_json(order) if placed.is_replay else order_json(order, at=order.created_at)
