"""Receipts over HTTP: the signed receipt, the market that it names, the route found again, and the keys."""

from collections.abc import Mapping
from fractions import Fraction
from typing import Any, ClassVar
from uuid import UUID

from django.http import HttpRequest, JsonResponse
from django.views.decorators.http import require_safe
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from dex import FeeStrategy, Side
from dex.recorded.canonical import canonical
from orders import selectors
from orders.amounts import bps_to_ppm, format_units, parse_units
from orders.api import schema
from orders.api.base import AccountView, account_of, caller_of, fields_of
from orders.api.parsers import ReadyJSON
from orders.api.permissions import require
from orders.api.records.at_once import AtOnce
from orders.api.serializers import (
    AmountField,
    BpsField,
    FeeSerializer,
    VenuesSerializer,
)
from orders.api.strict import StrictSerializer
from orders.engine import get_engine
from orders.models import Order
from orders.plan import SwapPlan
from orders.presentation.amounts import amount, bps
from orders.presentation.routes import ROUTE
from orders.problems import FieldError, Problem, ProblemError
from orders.receipts.content import RECEIPT
from orders.receipts.issue import published_keys, receipt_of
from orders.receipts.keys import jwk_set
from orders.receipts.replay import Replayed, replay, require_others_sent, routed_order, snapshot_of_plan
from orders.scalars import ScalarError
from orders.scopes import QUOTE, READ
from orders.shapes import GIVEN, Field, Shape, anything, boolean, integer, nested, text, uuid

KEYS_LAST_S = 300
MARKETS = AtOnce("markets and replays")
_DECIMALS = 4
_OBJECTS = {"type": "array", "items": {"type": "object", "additionalProperties": {}}}

MARKET = Shape[Any](
    "MarketSnapshotShape",
    "The market that the order was routed on, as canonical JSON; its hash is in the receipt: docs/receipts.md.",
    {
        "format": text(about="order-market/1"),
        "chain": text(),
        "block": integer(),
        "time": integer(about="Chain time, unix seconds."),
        "costs": anything(),
        "pools": Field(_OBJECTS),
        "swaps": Field({**_OBJECTS, "description": "What orders before it in its batch do to the pools, in turn."}),
    },
)
REPLAY = Shape[Replayed](
    "ReplayShape",
    "The route that the order's own market gives with these settings, beside the one of then. Nothing is changed.",
    {
        "order_id": uuid(lambda replayed: str(replayed.order.id)),
        "market_hash": text(lambda replayed: replayed.then.market and replayed.then.market.hash),
        "side": text(lambda replayed: replayed.order.side),
        "token_in": text(lambda replayed: replayed.order.token_in),
        "token_out": text(lambda replayed: replayed.order.token_out),
        **amount("amount_in", lambda it: it.quote.amount_in, lambda it: it.order.decimals_in),
        **amount("amount_out", lambda it: it.quote.amount_out, lambda it: it.order.decimals_out),
        **amount("min_amount_out", lambda it: it.quote.min_amount_out, lambda it: it.order.decimals_out),
        **amount("max_amount_in", lambda it: it.quote.max_amount_in, lambda it: it.order.decimals_in),
        "is_same_route": boolean(about="Whether it is the route of then, to the atom."),
        **amount(
            "quoted_amount_in",
            lambda it: it.order.quoted_amount_in,
            lambda it: it.order.decimals_in,
            "Then.",
            null=True,
        ),
        **amount(
            "quoted_amount_out",
            lambda it: it.order.quoted_amount_out,
            lambda it: it.order.decimals_out,
            "Then.",
            null=True,
        ),
        "better_than_quoted_bps": bps(
            lambda it: _bps(it.better_than_quoted),
            "By how much the average price is better for the owner than the one quoted then; below 0: worse.",
            null=True,
        ),
        "better_than_executed_bps": bps(
            lambda it: _bps(it.better_than_executed),
            "The same against what was executed; null: nothing was.",
            null=True,
        ),
        "route": nested(ROUTE, GIVEN),
    },
)


class ReplayGuardsSerializer(StrictSerializer):
    """Guards that the router judges; null: none."""

    max_slippage_bps = BpsField(required=False)
    max_price_impact_bps = BpsField(required=False, allow_null=True)
    min_amount_out = AmountField(required=False, allow_null=True)
    max_amount_in = AmountField(required=False, allow_null=True)


class ReplayRequestSerializer(StrictSerializer):
    """What is other than it was when the order was routed; what is left out stays."""

    amount = AmountField(required=False, help_text="Without guards on amounts those of the order are left out with it.")
    guards = ReplayGuardsSerializer(required=False)
    venues = VenuesSerializer(required=False)
    fee = FeeSerializer(required=False)


class ReceiptView(AccountView):
    """GET /orders/{id}/receipt."""

    scopes: ClassVar = {"GET": READ}

    @extend_schema(responses=schema.answers(RECEIPT) | schema.GONE | schema.NOT_SET_UP, operation_id="getReceipt")
    def get(self, request: Request, order_id: UUID) -> Response:
        """The signed receipt of an order that has ended: the same bytes each time."""
        return Response(ReadyJSON(receipt_of(account_of(request), order_id)))


class SnapshotView(AccountView):
    """GET /orders/{id}/snapshot."""

    scopes: ClassVar = {"GET": READ}

    @extend_schema(responses=schema.answers(MARKET) | schema.GONE, operation_id="getSnapshot")
    def get(self, request: Request, order_id: UUID) -> Response:
        """The market that an order was routed on last, once it has ended."""
        order, plan = routed_order(account_of(request), order_id)
        require_others_sent(order)
        with MARKETS.one(account_of(request)):
            return Response(ReadyJSON(canonical(snapshot_of_plan(plan).document)))


class ReplayView(AccountView):
    """POST /orders/{id}/replay."""

    scopes: ClassVar = {"POST": QUOTE}

    @extend_schema(
        request=ReplayRequestSerializer,
        examples=[schema.example("One path", {"venues": {"max_legs": 1}})],
        responses=schema.answers(REPLAY) | schema.GONE,
        operation_id="replayOrder",
    )
    def post(self, request: Request, order_id: UUID) -> Response:
        """Route the order again on its own market, with other settings; nothing is stored."""
        fields = fields_of(request, ReplayRequestSerializer)
        order, plan = routed_order(account_of(request), order_id)
        require(caller_of(request), READ)  # the answer tells what was asked for, quoted and executed
        require_others_sent(order)
        changes = changes_of(fields, order)
        with MARKETS.one(account_of(request)):
            replayed = replay(order, plan, changes)
        decimals = selectors.decimals_on(get_engine().chain.native)
        return Response(REPLAY.render(replayed, route=ROUTE.render(SwapPlan.of(replayed.quote, decimals))))


@require_safe
def key_set(request: HttpRequest) -> JsonResponse:
    """GET /.well-known/jwks.json: the keys that sign receipts, and those that did."""
    headers = {"Cache-Control": f"public, max-age={KEYS_LAST_S}", "Access-Control-Allow-Origin": "*"}
    return JsonResponse(jwk_set(published_keys()), headers=headers, content_type="application/jwk-set+json")


def changes_of(fields: Mapping[str, Any], order: Order) -> dict[str, Any]:
    """What a body changes of the request to the router. Raises: ProblemError."""
    changes: dict[str, Any] = {}
    if "amount" in fields:
        fixed = order.decimals_in if order.side == Side.EXACT_IN else order.decimals_out
        changes |= {"amount": _atoms(fields["amount"], fixed, "/amount"), "min_amount_out": None, "max_amount_in": None}
    changes |= _guards(fields.get("guards", {}), order)
    changes |= _venues(fields.get("venues", {}))
    return changes | _fee(fields.get("fee", {}))


def _guards(guards: Mapping[str, Any], order: Order) -> dict[str, Any]:
    decimals = {"min_amount_out": order.decimals_out, "max_amount_in": order.decimals_in}
    changes: dict[str, Any] = {
        name: _optional(guards[name], decimals[name], f"/guards/{name}") for name in decimals if name in guards
    }
    for name in ("max_slippage", "max_price_impact"):
        if f"{name}_bps" in guards:
            value = guards[f"{name}_bps"]
            changes[f"{name}_ppm"] = None if value is None else bps_to_ppm(value)
    return changes


def _venues(venues: Mapping[str, Any]) -> dict[str, Any]:
    sets = {"allow": "allow_venues", "deny": "deny_venues", "deny_tokens": "deny_tokens"}
    changes: dict[str, Any] = {sets[name]: frozenset(venues[name] or ()) for name in sets if name in venues}
    return changes | {name: venues[name] for name in ("max_legs", "max_hops", "max_swaps") if name in venues}


def _fee(fee: Mapping[str, Any]) -> dict[str, Any]:
    changes: dict[str, Any] = {"fee_strategy": FeeStrategy(fee["strategy"])} if "strategy" in fee else {}
    if "max_native" in fee:
        decimals = get_engine().chain.native.decimals
        changes["max_network_fee"] = _optional(fee["max_native"], decimals, "/fee/max_native")
    return changes


def _optional(text: str | None, decimals: int, pointer: str) -> int | None:
    return None if text is None else _atoms(text, decimals, pointer)


def _atoms(text: str, decimals: int, pointer: str) -> int:
    """Raises: ProblemError for an amount that the token cannot hold."""
    try:
        return parse_units(text, decimals)
    except ScalarError as error:
        wrong = FieldError(pointer, error.code, error.detail)
        raise ProblemError(Problem(error.code, error.detail, errors=[wrong])) from error


def _bps(value: Fraction | None) -> str | None:
    """To four decimals, cut towards zero."""
    return None if value is None else format_units(int(value * 10**_DECIMALS), _DECIMALS)
