"""The HTTP edge: a serializer validates, one service or selector works, one representation answers."""

import hashlib
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar
from uuid import UUID

import orjson
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import ValidationError

from dex import DexError
from orders import schema, selectors
from orders.access import AccountView, checked, require_real_orders, within_key
from orders.authentication import Caller
from orders.config import default_price_impact_bps, default_slippage_bps, get_policy
from orders.engine import get_engine
from orders.event_log import epoch_now, order_events, own_cursor
from orders.events import timestamp
from orders.exceptions import problem_response, validation_problem
from orders.filters import OrderFilter
from orders.intake import Offer, order_terms, quote_terms
from orders.models import Account, Order
from orders.pagination import NewestFirst
from orders.problems import Problem, ProblemError
from orders.representation import first_answer_json, order_json, quote_json
from orders.scopes import CANCEL, QUOTE, READ, TRADE
from orders.serializers import (
    MAX_BATCH,
    BatchRequestSerializer,
    CancelRequestSerializer,
    OrderRequestSerializer,
    QuoteRequestSerializer,
)
from orders.services.cancel import Actor, CancelResult, cancel_orders
from orders.services.pause import read_controls
from orders.services.place import Answer, Idempotency, Placed, answer_once, place_orders
from orders.services.rehearse import rehearse_order
from orders.services.settled import problem_of
from orders.terms import Terms, swap_request

QUOTE_LIFE_S = 5
MAX_KEY_LENGTH = 255


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


def caller_of(request: Request) -> Caller:
    """Who asks."""
    assert isinstance(request.user, Caller)
    return request.user


def account_of(request: Request) -> Account:
    """The caller's account."""
    return caller_of(request).account


def actor_of(request: Request, reason: str) -> Actor:
    """The caller, for the audit log."""
    return Actor(caller_of(request).name, request.META.get("REMOTE_ADDR", ""), reason)


def answer_post(request: Request, run: Callable[[], Answer]) -> Response:
    """Run a POST under its Idempotency-Key, where there is one."""
    answer = answer_once(account_of(request), _idempotency(request), run)
    response = Response(answer.body, status=answer.status_code)
    if answer.location:
        response["Location"] = answer.location
    if answer.is_replay:
        response["Idempotent-Replayed"] = "true"
    return response


def _idempotency(request: Request) -> Idempotency | None:
    key = request.headers.get("Idempotency-Key")
    if key is None:
        return None
    if not 1 <= len(key) <= MAX_KEY_LENGTH or not key.isprintable():
        raise ProblemError(Problem("invalid", f"Idempotency-Key must be 1 to {MAX_KEY_LENGTH} printable characters"))
    stated = [request.method, request.path, request.data]
    return Idempotency(key, hashlib.sha256(orjson.dumps(stated, option=orjson.OPT_SORT_KEYS)).digest())


def _location(order: Order) -> str:
    return f"/api/v1/orders/{order.id}"


class QuotesView(AccountView):
    """POST /quotes."""

    scopes: ClassVar = {"POST": QUOTE}

    @extend_schema(request=QuoteRequestSerializer, responses=schema.answers(schema.QUOTE), operation_id="quote")
    def post(self, request: Request) -> Response:
        """Price, route, guards and every venue's own quote; nothing is stored."""
        serializer = QuoteRequestSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        terms = quote_terms(serializer.validated_data, read_offer())
        wanted = swap_request(terms.token_in, terms.token_out, terms.side, terms.amount, terms.extra)
        quote = get_engine().route([wanted])[0]
        if isinstance(quote, DexError):
            raise ProblemError(problem_of(quote))
        now = datetime.now(UTC)
        expires_at = timestamp(now + timedelta(seconds=QUOTE_LIFE_S))
        return Response(quote_json(terms, quote, selectors.token_decimals(), timestamp(now), expires_at))


class OrdersView(AccountView):
    """GET and POST /orders."""

    scopes: ClassVar = {"GET": READ, "POST": TRADE}

    @extend_schema(
        parameters=schema.LIST_PARAMETERS, responses=schema.answers(schema.ORDER_PAGE), operation_id="listOrders"
    )
    def get(self, request: Request) -> Response:
        """The caller's orders, newest first, filtered and in cursor pages."""
        filtered = OrderFilter(request.query_params, queryset=selectors.orders_of(account_of(request)))
        if not filtered.is_valid():
            raise ValidationError(dict(filtered.errors))
        pages = NewestFirst()
        page: list[Order] | None = pages.paginate_queryset(filtered.qs, request, view=self)
        controls = read_controls()
        return pages.get_paginated_response([order_json(order, controls) for order in page or []])

    @extend_schema(
        parameters=[schema.IDEMPOTENCY_KEY, schema.DRY_RUN],
        request=OrderRequestSerializer,
        responses=schema.answers(schema.ORDER, 200, 201),
        operation_id="placeOrder",
    )
    def post(self, request: Request) -> Response:
        """Accept one order; with `dry_run=true` tell what would become of it, and store nothing."""
        caller, is_dry_run = caller_of(request), _is_dry_run(request)
        if not is_dry_run:
            require_real_orders(caller)
        serializer = OrderRequestSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        terms = checked(order_terms(serializer.validated_data, read_offer()), caller)
        if is_dry_run:
            order = rehearse_order(caller.account, terms, key=caller.key, engine=get_engine(), policy=get_policy())
            return Response(order_json(order, read_controls()))

        def run() -> Answer:
            placed = place_orders(caller.account, [terms], key=caller.key)[0]
            if isinstance(placed, Problem):
                raise ProblemError(placed)
            return Answer(201, _accepted_json(placed), _location(placed.order), placed.is_replay)

        return answer_post(request, run)


class BatchView(AccountView):
    """POST /orders/batch."""

    scopes: ClassVar = {"POST": TRADE}

    @extend_schema(
        parameters=[schema.IDEMPOTENCY_KEY],
        request=BatchRequestSerializer,
        responses=schema.answers(schema.BATCH, 201, 207),
        operation_id="placeOrders",
    )
    def post(self, request: Request) -> Response:
        """Accept up to 500 orders, each judged for itself; `atomic` accepts all or none."""
        caller = caller_of(request)
        require_real_orders(caller)
        items, is_atomic = _batch_items(request.data)
        read = _read_items(items, caller)
        if is_atomic and any(isinstance(item, Problem) for item in read):
            return _batch_refused(read, request)

        def run() -> Answer:
            results = _place_items(caller, read)
            if is_atomic and any(isinstance(result, Problem) for result in results):
                raise AtomicRefusal(results)
            is_whole = not any(isinstance(result, Problem) for result in results)
            return Answer(201 if is_whole else 207, {"results": [_result_json(result) for result in results]})

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


def _read_items(items: list[Any], caller: Caller) -> list[Terms | Problem]:
    offer = read_offer()
    reader = OrderRequestSerializer()  # one for all items: building its fields costs more than using them
    read: list[Terms | Problem] = []
    for item in items:
        try:
            read.append(within_key(order_terms(reader.run_validation(item), offer), caller))
        except ValidationError as error:
            read.append(validation_problem(error.detail))
        except ProblemError as error:
            read.append(error.problem)
    return read


def _place_items(caller: Caller, read: list[Terms | Problem]) -> list[Placed | Problem]:
    terms = [item for item in read if isinstance(item, Terms)]
    placed = iter(place_orders(caller.account, terms, key=caller.key))
    return [item if isinstance(item, Problem) else next(placed) for item in read]


def _result_json(result: Placed | Problem | Terms) -> dict[str, Any]:
    if isinstance(result, Problem):
        return {"error": result.to_json()}
    if isinstance(result, Placed):
        return {"order": _accepted_json(result)}
    return {}


def _accepted_json(placed: Placed) -> dict[str, Any]:
    return first_answer_json(placed.order) if placed.is_replay else order_json(placed.order)


def _batch_refused(results: Any, request: Request) -> Response:
    refused = sum(isinstance(result, Problem) for result in results)
    items = [_result_json(result) if isinstance(result, Problem) else {} for result in results]
    problem = Problem(
        "batch_refused", f"{refused} of {len(items)} orders were refused, none was accepted", facts={"results": items}
    )
    return problem_response(problem, instance=request.path)


class OrderView(AccountView):
    """GET and DELETE /orders/{id}."""

    scopes: ClassVar = {"GET": READ, "DELETE": CANCEL}

    @extend_schema(responses=schema.answers(schema.ORDER), operation_id="getOrder")
    def get(self, request: Request, order_id: UUID) -> Response:
        """The order as it stands."""
        return Response(order_json(_find(request, order_id), read_controls()))

    @extend_schema(
        request=CancelRequestSerializer, responses=schema.answers(schema.ORDER, 200, 202), operation_id="cancelOrder"
    )
    def delete(self, request: Request, order_id: UUID) -> Response:
        """Cancel: 200 cancelled, 202 too late to promise (bytes may be on their way), 409 already ended."""
        serializer = CancelRequestSerializer(data=request.data or {})
        serializer.is_valid(raise_exception=True)
        actor = actor_of(request, serializer.validated_data.get("reason", ""))
        result = cancel_orders([order_id], actor=actor, account=account_of(request)).get(order_id)
        order = _find(request, order_id)
        if result is CancelResult.ALREADY_ENDED:
            raise ProblemError(Problem("order_terminal", f"the order is {order.status}, outcome {order.outcome}"))
        return Response(order_json(order), status=202 if result is CancelResult.TOO_LATE else 200)


class OrderByClientIdView(AccountView):
    """GET /orders/by-client-id/{client_order_id}."""

    scopes: ClassVar = {"GET": READ}

    @extend_schema(responses=schema.answers(schema.ORDER), operation_id="getOrderByClientId")
    def get(self, request: Request, client_order_id: str) -> Response:
        """Resolve a lost reply."""
        order = selectors.orders_of(account_of(request)).filter(client_order_id=client_order_id).first()
        if order is None:
            raise ProblemError(Problem("not_found", "no order of yours has this client_order_id"))
        return Response(order_json(order, read_controls()))


class OrderEventsView(AccountView):
    """GET /orders/{id}/events."""

    scopes: ClassVar = {"GET": READ}

    @extend_schema(parameters=[schema.AFTER], responses=schema.answers(schema.EVENTS), operation_id="listOrderEvents")
    def get(self, request: Request, order_id: UUID) -> Response:
        """The order's history after a seq: the same records that the WebSocket sends."""
        after = request.query_params.get("after", "0")
        if not (after.isascii() and after.isdigit() and len(after) <= 9):
            raise ProblemError(Problem("invalid", "after must be a seq: a whole number from 0"))
        order = _find(request, order_id)
        epoch = epoch_now()
        events = order_events(order.id, int(after))
        return Response({"results": [event.to_json(str(own_cursor(event, epoch))) for event in events]})


class VenuesView(AccountView):
    """GET /venues."""

    scopes: ClassVar = {"GET": READ}

    @extend_schema(responses=schema.answers(schema.VENUES), operation_id="listVenues")
    def get(self, request: Request) -> Response:
        """The venues and their pools, as of the newest block."""
        return Response(selectors.venues(get_engine()))


class TokensView(AccountView):
    """GET /tokens."""

    scopes: ClassVar = {"GET": READ}

    @extend_schema(responses=schema.answers(schema.TOKENS), operation_id="listTokens")
    def get(self, request: Request) -> Response:
        """The tokens that orders may name."""
        rows = [token for token in selectors.tokens().values() if token.is_enabled]
        shown = [{"symbol": token.symbol, "name": token.name, "decimals": token.decimals} for token in rows]
        return Response({"results": shown})


def _is_dry_run(request: Request) -> bool:
    stated = request.query_params.get("dry_run", "false")
    if stated not in {"true", "false"}:
        raise ProblemError(Problem("invalid", "dry_run must be true or false"))
    return stated == "true"


def _find(request: Request, order_id: UUID) -> Order:
    order = selectors.orders_of(account_of(request)).filter(pk=order_id).first()
    if order is None:
        raise ProblemError(Problem("not_found", f"you have no order {order_id}"))
    return order
