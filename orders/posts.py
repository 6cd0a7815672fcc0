"""What the POSTs that place or price orders have in common: the offer, and the Idempotency-Key."""

import hashlib
import re
from collections.abc import Callable
from typing import Any

import orjson
from rest_framework.request import Request
from rest_framework.response import Response

from orders import selectors
from orders.access import account_of
from orders.config import default_price_impact_bps, default_slippage_bps
from orders.engine import get_engine
from orders.intake import Offer
from orders.parameters import KEY_PATTERN, MAX_KEY_LENGTH
from orders.problems import Problem, ProblemError
from orders.representation import first_answer_json, order_json
from orders.services.place import Answer, Idempotency, Placed, answer_once


def read_offer() -> Offer:
    """What can be traded now."""
    engine = get_engine()
    return Offer(
        chain_id=engine.chain.chain_id,
        tokens=selectors.tokens(),
        venues=frozenset(venue.name for venue in engine.venues),
        default_slippage_bps=default_slippage_bps(),
        default_price_impact_bps=default_price_impact_bps(),
    )


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
        detail = f"Idempotency-Key must be 1 to {MAX_KEY_LENGTH} printable ASCII characters without blanks"
        raise ProblemError(Problem("invalid", detail))
    stated = [request.method, request.path, request.data]
    return Idempotency(key, hashlib.sha256(orjson.dumps(stated, option=orjson.OPT_SORT_KEYS)).digest())


def accepted_json(placed: Placed) -> dict[str, Any]:
    """The order as this POST, or the first one like it, answers it."""
    return first_answer_json(placed.order) if placed.is_replay else order_json(placed.order)
