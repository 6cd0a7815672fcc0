"""POST /orders/batch: many orders at once, each judged for itself, or all or none."""

from collections.abc import Mapping
from functools import cache
from typing import Any, ClassVar

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import ValidationError

from dex import Engine
from orders.access.authentication import Caller
from orders.access.key_limits import require_real_orders
from orders.api import parameters, schema
from orders.api.base import AccountView, caller_of
from orders.api.exceptions import problem_response, validation_problem
from orders.api.life.links import MAX_BATCH, BatchRequestSerializer, judge_linked, read_link
from orders.api.parsers import FloatFree
from orders.api.posts import (
    BY_NAMES,
    accepted_json,
    answer_post,
    created_by,
    is_sliced,
    judged,
    order_reader,
    read_offer,
)
from orders.engine import get_engine
from orders.presentation.orders import ORDER
from orders.problems import PROBLEM, Problem, ProblemError
from orders.scopes import TRADE
from orders.selectors import database_time_ms
from orders.services.idempotency import Answer
from orders.services.linking import Link
from orders.services.place import Placed, place_orders
from orders.shapes import ABSENT, Shape, listed, nested
from orders.terms import NewOrder, Refused

BATCH_RESULT = Shape[Placed | Problem](
    "BatchResultShape",
    "One item's answer: an order, or why it was refused.",
    {
        "order": nested(
            ORDER, lambda result: ABSENT if isinstance(result, Problem) else accepted_json(result), optional=True
        ),
        "error": nested(
            PROBLEM, lambda result: result.to_json() if isinstance(result, Problem) else ABSENT, optional=True
        ),
    },
)
BATCH = Shape[list[Placed | Problem]](
    "BatchShape",
    "Answers in the order sent.",
    {"results": listed(BATCH_RESULT, lambda results: [BATCH_RESULT.render(result) for result in results])},
)


class BatchView(AccountView):
    """POST /orders/batch."""

    scopes: ClassVar = {"POST": TRADE}
    look_up: ClassVar = {"POST": BY_NAMES}

    @extend_schema(
        parameters=[parameters.IDEMPOTENCY_KEY],
        request=BatchRequestSerializer,
        examples=[schema.TWO_SWAPS, schema.LINKED],
        responses=schema.answers(BATCH, 201, 207),
        operation_id="placeOrders",
    )
    def post(self, request: Request) -> Response:
        """Accept up to 500 orders, each judged for itself; `atomic` accepts all or none, and so does a `link`."""
        caller = caller_of(request)
        items, is_atomic, link = _batch_items(request.data)

        # What asks the chain does so before the transaction begins.
        early = _read_items(items, caller, get_engine()) if any(map(is_sliced, items)) else None

        def run() -> Answer:
            read = early or _read_items(items, caller)
            results = place_orders(caller.account, read, key=caller.key, link=link)
            if link is not None:
                results = judge_linked(results, link)
            if all(isinstance(result, Problem) for result in results):
                require_real_orders(caller)
            if is_atomic and any(isinstance(result, Problem) for result in results):
                raise AtomicRefusal(results)
            is_whole = not any(isinstance(result, Problem) for result in results)
            body = BATCH.render(results)
            # What a problem holds is its own matter.
            return Answer(201 if is_whole else 207, FloatFree(body) if is_whole else body, created=created_by(results))

        try:
            return answer_post(request, run)
        except AtomicRefusal as refusal:
            return _batch_refused(refusal.results, request)


class AtomicRefusal(Exception):
    """Rolls back a batch of which one item was refused."""

    def __init__(self, results: list[Placed | Problem]) -> None:
        super().__init__("one item was refused")
        self.results = results


def _batch_items(data: Any) -> tuple[list[Any], bool, Link | None]:
    """The items as sent; only the envelope is checked here."""
    if not isinstance(data, Mapping) or not isinstance(data.get("orders"), list):
        raise ProblemError(Problem("invalid", 'the body must be {"orders": [...]}'))
    if unknown := set(data) - {"orders", "atomic", "link"}:
        raise ProblemError(Problem("unknown_field", f"there is no field {min(map(str, unknown))[:40]!r}"))
    if not isinstance(data.get("atomic", False), bool):
        raise ProblemError(Problem("invalid", "atomic must be true or false"))
    if not 1 <= len(data["orders"]) <= MAX_BATCH:
        raise ProblemError(Problem("batch_size", f"{len(data['orders'])} orders in one request"))
    link = read_link(data, len(data["orders"]))
    return data["orders"], data.get("atomic", False) or link is not None, link


def _read_items(items: list[Any], caller: Caller, engine: Engine | None = None) -> list[NewOrder | Refused]:
    offer, now_ms = read_offer(), cache(database_time_ms)  # one moment for all of them
    reader = order_reader()
    read: list[NewOrder | Refused] = []
    for item in items:
        try:
            read.append(judged(reader.run_validation(item), offer, caller, engine, now_ms))
        except ValidationError as error:
            read.append(Refused(validation_problem(error.detail)))
    return read


def _batch_refused(results: Any, request: Request) -> Response:
    refused = sum(isinstance(result, Problem) for result in results)
    items = [BATCH_RESULT.render(result) if isinstance(result, Problem) else {} for result in results]
    problem = Problem(
        "batch_refused", f"{refused} of {len(items)} orders were refused, none was accepted", facts={"results": items}
    )
    return problem_response(problem, instance=request.path)
