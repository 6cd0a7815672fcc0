"""The answers of the API in the OpenAPI schema's words. representation.py writes them; a test compares the two."""

from typing import Any

from drf_spectacular.utils import OpenApiExample, OpenApiResponse
from rest_framework import serializers

from dex import Side
from orders.route_shapes import GuardsShape, RouteLimitsShape, RouteShape, bps, units
from orders.serializers import TIMES_IN_FORCE, SimSerializer
from orders.states import OrderStatus

EXECUTED = "Executed; null for an order that was not, or not yet."
QUOTED = "As last quoted; null before the first quote."
# What the docs page fills in to be tried out; values made up from the shapes alone are refused.
_SWAP = {"token_in": "SOL", "token_out": "USDC", "amount": "250"}
_BACK = {"token_in": "USDC", "token_out": "ETH", "amount": "1000"}
_GUARDS = {"max_slippage_bps": 50, "max_price_impact_bps": 100}
SWAP = OpenApiExample("A swap", _SWAP, request_only=True)
GUARDED = OpenApiExample(
    "A swap with guards and an id", _SWAP | {"client_order_id": "a-1", "guards": _GUARDS}, request_only=True
)
TWO_SWAPS = OpenApiExample("Two swaps", {"orders": [_SWAP, _BACK]}, request_only=True)


class FieldErrorShape(serializers.Serializer[Any]):
    """One wrong field."""

    pointer = serializers.CharField(allow_blank=True, help_text="JSON pointer into the body; empty: all of it.")
    code = serializers.CharField()
    detail = serializers.CharField()


class ProblemShape(serializers.Serializer[Any]):
    """RFC 9457 problem object; `try` (where present) is the next step."""

    type = serializers.CharField()
    title = serializers.CharField()
    status = serializers.IntegerField()
    code = serializers.CharField(help_text="Stable; docs/errors.md lists all.")
    detail = serializers.CharField()
    instance = serializers.CharField(required=False)
    errors = FieldErrorShape(many=True, required=False)  # type: ignore[assignment]  # the wire name is fixed
    facts = serializers.DictField(required=False)

    def get_fields(self) -> dict[str, Any]:
        """`try` is a Python keyword, so it cannot be declared in the class body."""
        return {**super().get_fields(), "try": serializers.CharField(required=False)}


class OrderShape(serializers.Serializer[Any]):
    """The order object: the same in every answer, snapshot and message."""

    id = serializers.UUIDField()
    client_order_id = serializers.CharField(allow_null=True)
    token_in = serializers.CharField()
    token_out = serializers.CharField()
    side = serializers.ChoiceField(choices=[side.value for side in Side])
    type = serializers.CharField()
    amount = units("The fixed side, token units.")
    amount_raw = units("Atoms.")
    amount_in = units(EXECUTED, allow_null=True)
    amount_in_raw = units("Atoms.", allow_null=True)
    amount_out = units(EXECUTED, allow_null=True)
    amount_out_raw = units("Atoms.", allow_null=True)
    quoted_amount_in = units(QUOTED, allow_null=True)
    quoted_amount_in_raw = units("Atoms.", allow_null=True)
    quoted_amount_out = units(QUOTED, allow_null=True)
    quoted_amount_out_raw = units("Atoms.", allow_null=True)
    min_amount_out = units("Limit that the chain enforces.", allow_null=True)
    min_amount_out_raw = units("Atoms.", allow_null=True)
    max_amount_in = units("Limit that the chain enforces.", allow_null=True)
    max_amount_in_raw = units("Atoms.", allow_null=True)
    guards = GuardsShape()
    venues = RouteLimitsShape()
    time_in_force = serializers.ChoiceField(choices=TIMES_IN_FORCE)
    expires_at = serializers.DateTimeField(allow_null=True)
    tags = serializers.DictField(child=serializers.CharField())
    sim = SimSerializer()
    status = serializers.ChoiceField(choices=[(status.value, status.value) for status in OrderStatus])
    outcome = serializers.CharField(allow_null=True, help_text="Open set: filled, slippage, no_route, cancelled ...")
    waiting_for = serializers.CharField(allow_null=True, help_text="worker, halt, chain or fees; null: nothing.")
    attempt = serializers.IntegerField()
    cancel_requested_at = serializers.DateTimeField(
        allow_null=True, help_text="When its cancel was stored: no swap is signed for it after that."
    )
    seq = serializers.IntegerField(help_text="seq of the last event.")
    chain = serializers.CharField()
    tx_hash = serializers.CharField(allow_null=True)
    route = RouteShape(allow_null=True)
    failure = ProblemShape(allow_null=True)
    version = serializers.IntegerField()
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()


class RehearsedOrderShape(OrderShape):
    """What would become of an order; nobody can ask for it later."""

    id = serializers.UUIDField(allow_null=True, help_text="Always null: nothing was stored.")


class QuoteShape(serializers.Serializer[Any]):
    """A timed answer; nothing is stored."""

    token_in = serializers.CharField()
    token_out = serializers.CharField()
    side = serializers.ChoiceField(choices=[side.value for side in Side])
    amount_in = units()
    amount_in_raw = units("Atoms.")
    amount_out = units()
    amount_out_raw = units("Atoms.")
    min_amount_out = units()
    min_amount_out_raw = units("Atoms.")
    max_amount_in = units()
    max_amount_in_raw = units("Atoms.")
    price = serializers.CharField(help_text="token_out per token_in, for display only.")
    guards = GuardsShape()
    chain = serializers.CharField()
    waiting_for = serializers.CharField(allow_null=True, help_text="What an order would wait for; null: nothing.")
    route = RouteShape()
    quoted_at = serializers.DateTimeField()
    expires_at = serializers.DateTimeField()


class EventShape(serializers.Serializer[Any]):
    """One fact about an order; the WebSocket sends the same record."""

    type = serializers.CharField()
    cursor = serializers.CharField()
    order_id = serializers.UUIDField()
    seq = serializers.IntegerField()
    status = serializers.ChoiceField(choices=[(status.value, status.value) for status in OrderStatus])
    attempt = serializers.IntegerField()
    outcome = serializers.CharField(allow_null=True)
    at = serializers.DateTimeField()
    took_ms = serializers.IntegerField()
    data = serializers.DictField()  # type: ignore[assignment]  # the wire name is fixed


class BatchResultShape(serializers.Serializer[Any]):
    """One item's answer: an order, or why it was refused."""

    order = OrderShape(required=False)
    error = ProblemShape(required=False)


class PoolShape(serializers.Serializer[Any]):
    """One source of liquidity."""

    pool = serializers.CharField()
    kind = serializers.CharField()
    tokens = serializers.ListField(child=serializers.CharField())
    fee_bps = bps()
    reserves = serializers.DictField(child=serializers.CharField(), help_text="Token units by symbol.")


class VenueShape(serializers.Serializer[Any]):
    """A venue and its pools."""

    venue = serializers.CharField()
    name = serializers.CharField()
    pools = PoolShape(many=True)


class TokenShape(serializers.Serializer[Any]):
    """A token that orders may name."""

    symbol = serializers.CharField()
    name = serializers.CharField()
    decimals = serializers.IntegerField()


class EventsShape(serializers.Serializer[Any]):
    """Events in order."""

    results = EventShape(many=True)


class BatchShape(serializers.Serializer[Any]):
    """Answers in the order sent."""

    results = BatchResultShape(many=True)


class OrderPageShape(serializers.Serializer[Any]):
    """One page, newest first."""

    next = serializers.CharField(allow_null=True)
    previous = serializers.CharField(allow_null=True)
    results = OrderShape(many=True)


class VenuesShape(serializers.Serializer[Any]):
    """All venues, as of one block."""

    chain = serializers.CharField(help_text="Where orders trade.")
    moves_real_money = serializers.BooleanField(help_text="Whether orders cost somebody something.")
    snapshot_version = serializers.IntegerField()
    results = VenueShape(many=True)


class TokensShape(serializers.Serializer[Any]):
    """All tokens."""

    results = TokenShape(many=True)


ORDER, REHEARSED, QUOTE, ORDER_PAGE, EVENTS, BATCH, VENUES, TOKENS = (
    OrderShape, RehearsedOrderShape, QuoteShape, OrderPageShape, EventsShape, BatchShape, VenuesShape, TokensShape,
)  # fmt: skip

OTHER_LOG: dict[Any, Any] = {
    (410, "application/problem+json"): OpenApiResponse(ProblemShape, description="Problem object")
}
_REFUSALS = (400, 401, 403, 404, 409, 413, 415, 422, 429, 503)


def answers(shape: type[serializers.Serializer[Any]], *statuses: int) -> dict[Any, Any]:
    """The success statuses with their shape, and every refusal as a problem object."""
    problem = OpenApiResponse(ProblemShape, description="Problem object")
    return {
        **dict.fromkeys(statuses or (200,), shape),
        **{(status, "application/problem+json"): problem for status in _REFUSALS},
    }
