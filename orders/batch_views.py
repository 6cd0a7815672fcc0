"""POST /orders/batch: many orders at once, each judged for itself, or all or none."""

from collections.abc import Mapping
from typing import Any, ClassVar

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import ValidationError

from orders import parameters, schema
from orders.access import AccountView, caller_of, require_real_orders
from orders.authentication import Caller
from orders.exceptions import problem_response, validation_problem
from orders.posts import BY_NAMES, accepted_json, answer_post, created_by, judged, read_offer
from orders.problems import Problem, ProblemError
from orders.scopes import TRADE
from orders.serializers import MAX_BATCH, BatchRequestSerializer, OrderRequestSerializer
from orders.services.idempotency import Answer
from orders.services.place import Placed, place_orders
from orders.terms import Refused, Terms


class BatchView(AccountView):
    """POST /orders/batch."""

    scopes: ClassVar = {"POST": TRADE}
    look_up: ClassVar = {"POST": BY_NAMES}

    @extend_schema(
        parameters=[parameters.IDEMPOTENCY_KEY],
        request=BatchRequestSerializer,
        examples=[schema.TWO_SWAPS],
        responses=schema.answers(schema.BATCH, 201, 207),
        operation_id="placeOrders",
    )
    def post(self, request: Request) -> Response:
        """Accept up to 500 orders, each judged for itself; `atomic` accepts all or none."""
        caller = caller_of(request)
        items, is_atomic = _batch_items(request.data)

        def run() -> Answer:
            results = place_orders(caller.account, _read_items(items, caller), key=caller.key)
            if all(isinstance(result, Problem) for result in results):
                require_real_orders(caller)
            if is_atomic and any(isinstance(result, Problem) for result in results):
                raise AtomicRefusal(results)
            is_whole = not any(isinstance(result, Problem) for result in results)
            body = {"results": [_result_json(result) for result in results]}
            return Answer(201 if is_whole else 207, body, created=created_by(results))

        try:
            return answer_post(request, run)
        except AtomicRefusal as refusal:
            return _batch_refused(refusal.results, request)


class AtomicRefusal(Exception):
    """Rolls back a batch of which one item was refused."""

    def __init__(self, results: list[Placed | Problem]) -> None:
        super().__init__("one item was refused")
        self.results = results


def _batch_items(data: Any) -> tuple[list[Any], bool]:
    """The items as sent; only the envelope is checked here."""
    if not isinstance(data, Mapping) or not isinstance(data.get("orders"), list):
        raise ProblemError(Problem("invalid", 'the body must be {"orders": [...]}'))
    if unknown := set(data) - {"orders", "atomic"}:
        raise ProblemError(Problem("unknown_field", f"there is no field {min(map(str, unknown))[:40]!r}"))
    if not isinstance(data.get("atomic", False), bool):
        raise ProblemError(Problem("invalid", "atomic must be true or false"))
    if not 1 <= len(data["orders"]) <= MAX_BATCH:
        raise ProblemError(Problem("batch_size", f"{len(data['orders'])} orders in one request"))
    return data["orders"], data.get("atomic", False)


def _read_items(items: list[Any], caller: Caller) -> list[Terms | Refused]:
    offer = read_offer()
    reader = OrderRequestSerializer()  # one for all items: building its fields costs more than using them
    read: list[Terms | Refused] = []
    for item in items:
        try:
            read.append(judged(reader.run_validation(item), offer, caller))
        except ValidationError as error:
            read.append(Refused(validation_problem(error.detail)))
    return read


def _result_json(result: Placed | Problem) -> dict[str, Any]:
    return {"error": result.to_json()} if isinstance(result, Problem) else {"order": accepted_json(result)}


def _batch_refused(results: Any, request: Request) -> Response:
    refused = sum(isinstance(result, Problem) for result in results)
    items = [_result_json(result) if isinstance(result, Problem) else {} for result in results]
    problem = Problem(
        "batch_refused", f"{refused} of {len(items)} orders were refused, none was accepted", facts={"results": items}
    )
    return problem_response(problem, instance=request.path)
