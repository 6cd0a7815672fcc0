"""Orders over HTTP: a serializer validates, one service or selector works, one representation answers."""

from typing import Any, ClassVar
from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from orders import selectors
from orders.access.key_limits import require_within_key
from orders.api import parameters, schema
from orders.api.base import AccountView, account_of, actor_of, caller_of
from orders.api.life.replace import ReplaceRequestSerializer, replace_order
from orders.api.pagination import newest_first
from orders.api.posts import (
    BY_NAMES,
    answer_post,
    etag,
    idempotency_of,
    is_sliced,
    judged,
    order_answer,
    order_of,
    read_offer,
)
from orders.api.serializers import CancelRequestSerializer, OrderRequestSerializer
from orders.config import get_policy
from orders.engine import get_engine
from orders.event_log.event import EVENT
from orders.event_log.log import epoch_now, order_events, own_cursor
from orders.inputs.filters import LIST_NAMES, PAGE_NAMES, REPEATABLE, read_wanted
from orders.inputs.query import read_seq, seq_ahead
from orders.models import Order
from orders.presentation.dry_run import DRY_RUN_ORDER
from orders.presentation.orders import ORDER, ORDER_PAGE, order_json
from orders.problems import Problem, ProblemError
from orders.scalars import read_flag_text
from orders.scopes import CANCEL, READ, TRADE
from orders.selectors import read_controls
from orders.services.cancel import CancelResult, cancel_orders
from orders.services.dry_run import dry_run_order
from orders.services.idempotency import Answer
from orders.services.place import place_orders
from orders.shapes import Shape, listed

EVENTS = Shape[list[dict[str, Any]]]("EventsShape", "Events in order.", {"results": listed(EVENT, lambda page: page)})


class OrdersView(AccountView):
    """GET and POST /orders."""

    scopes: ClassVar = {"GET": READ, "POST": TRADE}
    query_names: ClassVar = {"GET": LIST_NAMES | PAGE_NAMES, "POST": ("dry_run",)}
    look_up: ClassVar = {"POST": BY_NAMES}
    repeatable: ClassVar = REPEATABLE

    @extend_schema(
        parameters=parameters.LIST_PARAMETERS, responses=schema.answers(ORDER_PAGE), operation_id="listOrders"
    )
    def get(self, request: Request) -> Response:
        """The caller's orders, newest first, filtered and in cursor pages."""
        page = newest_first(account_of(request), read_wanted(self.query), self.query, request)
        controls = read_controls()
        results = [order_json(order, controls) for order in page.orders]
        return Response(ORDER_PAGE.render(results, next=page.next, previous=page.previous))

    @extend_schema(
        parameters=[parameters.IDEMPOTENCY_KEY, parameters.DRY_RUN],
        request=OrderRequestSerializer,
        examples=[schema.SWAP, schema.GUARDED],
        responses=schema.answers(ORDER, 201) | {200: DRY_RUN_ORDER} | schema.GONE,
        operation_id="placeOrder",
    )
    def post(self, request: Request) -> Response:
        """Accept one order; with `dry_run=true` tell what would become of it, and store nothing."""
        caller, is_dry_run = caller_of(request), self.query.read("dry_run", read_flag_text) or False
        if is_dry_run:
            idempotency_of(request)  # read for its checks alone: nothing is stored
        serializer = OrderRequestSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        fields = serializer.validated_data
        if is_dry_run:
            new = require_within_key(order_of(fields, read_offer(), caller), caller)
            order = dry_run_order(caller.account, new, key=caller.key, engine=get_engine(), policy=get_policy())
            return Response(order_json(order, read_controls(), shape=DRY_RUN_ORDER))

        # What asks the chain does so before the transaction begins.
        early = judged(fields, read_offer(), caller, get_engine()) if is_sliced(fields) else None

        def run() -> Answer:
            item = early or judged(fields, read_offer(), caller)
            return order_answer(place_orders(caller.account, [item], key=caller.key)[0])

        return answer_post(request, run)


class OrderView(AccountView):
    """GET, PATCH and DELETE /orders/{id}."""

    scopes: ClassVar = {"GET": READ, "PATCH": TRADE, "DELETE": CANCEL}
    look_up: ClassVar = {
        "PATCH": "GET /api/v1/orders/{order_id} says which terms it has; a repeat with the same If-Match does no harm",
        "DELETE": "GET /api/v1/orders/{order_id} says what became of it; again does no harm",
    }

    @extend_schema(responses=schema.answers(ORDER) | schema.GONE, operation_id="getOrder")
    def get(self, request: Request, order_id: UUID) -> Response:
        """The order as it stands; its version is the ETag too."""
        order = find_order(request, order_id)
        return Response(order_json(order, read_controls()), headers={"ETag": etag(order.seq)})

    @extend_schema(
        parameters=[parameters.IF_MATCH],
        request=ReplaceRequestSerializer,
        responses=schema.answers(ORDER) | schema.GONE | schema.PRECONDITIONS,
        operation_id="replaceOrder",
    )
    def patch(self, request: Request, order_id: UUID) -> Response:
        """Replace terms of an order that waits, where it still has the version that If-Match names."""
        find_order(request, order_id)
        order = replace_order(request, order_id)
        return Response(order_json(order, read_controls()), headers={"ETag": etag(order.seq)})

    @extend_schema(
        request=CancelRequestSerializer,
        responses=schema.answers(ORDER, 200, 202) | schema.GONE,
        operation_id="cancelOrder",
    )
    def delete(self, request: Request, order_id: UUID) -> Response:
        """Cancel: 200 cancelled, 202 too late to promise (bytes may be on their way), 409 already ended."""
        serializer = CancelRequestSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        actor = actor_of(request, serializer.validated_data.get("reason", ""))
        result = cancel_orders([order_id], actor=actor, account=account_of(request)).get(order_id)
        order = find_order(request, order_id)
        if result is CancelResult.ALREADY_ENDED:
            raise ProblemError(Problem("order_terminal", f"the order is {order.status}, outcome {order.outcome}"))
        return Response(order_json(order), status=202 if result is CancelResult.TOO_LATE else 200)


class OrderByClientIdView(AccountView):
    """GET /orders/by-client-id/{client_order_id}."""

    scopes: ClassVar = {"GET": READ}

    @extend_schema(responses=schema.answers(ORDER) | schema.GONE, operation_id="getOrderByClientId")
    def get(self, request: Request, client_order_id: str) -> Response:
        """Resolve a lost reply."""
        order = selectors.orders_of(account_of(request)).filter(client_order_id=client_order_id).first()
        if order is None:
            known = selectors.archived_by_client_id(account_of(request), [client_order_id])
            unknown = Problem("not_found", "no order of yours has this client_order_id")
            raise ProblemError(known.get(client_order_id, unknown))
        return Response(order_json(order, read_controls()))


class OrderEventsView(AccountView):
    """GET /orders/{id}/events."""

    scopes: ClassVar = {"GET": READ}
    query_names: ClassVar = {"GET": ("after",)}

    @extend_schema(
        parameters=[parameters.AFTER_SEQ],
        responses=schema.answers(EVENTS) | schema.GONE,
        operation_id="listOrderEvents",
    )
    def get(self, request: Request, order_id: UUID) -> Response:
        """The order's history after a seq: the same records that the WebSocket sends."""
        after = self.query.read("after", read_seq) or 0
        order = find_order(request, order_id)
        if after > order.seq:
            raise ProblemError(seq_ahead(after, order.seq))
        epoch = epoch_now()
        events = order_events(order.id, after)
        return Response(EVENTS.render([event.to_json(str(own_cursor(event, epoch))) for event in events]))


def find_order(request: Request, order_id: UUID) -> Order:
    """The caller's order. Raises: ProblemError `not_found` or `archived`."""
    return selectors.find_order(account_of(request), order_id)
