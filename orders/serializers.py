"""The HTTP shapes of what callers send: strict fields, decimal strings, no JSON numbers for money."""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.core.validators import RegexValidator
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from dex import Side
from dex.chains.simulated import SCENARIOS
from orders.order_types import ORDER_TYPES

MAX_BATCH = 500
MAX_TAGS = 16
CLIENT_ORDER_ID = r"^[A-Za-z0-9._:\-]{1,64}\Z"
TIMES_IN_FORCE = ("ioc", "fok", "gtd")
# What fields take, in the words of JSON Schema: no request that the schema allows is refused as malformed.
AMOUNT = {"type": "string", "maxLength": 80, "pattern": r"^(0\.[0-9]*[1-9][0-9]*|[1-9][0-9]*(\.[0-9]+)?)$"}
BPS = {
    "oneOf": [
        {"type": "number", "minimum": 0, "maximum": 10_000, "multipleOf": 0.01},
        {"type": "string", "pattern": r"^(10000(\.0{1,2})?|[0-9]{1,4}(\.[0-9]{1,2})?)$"},
    ]
}
TIME = {"type": "string", "format": "date-time", "minLength": len("2026-01-01T00:00:00Z")}
TAGS = {
    "type": "object",
    "maxProperties": MAX_TAGS,
    "propertyNames": {"minLength": 1, "maxLength": 64},
    "additionalProperties": {"type": "string", "minLength": 1, "maxLength": 64},
}


class StrictSerializer(serializers.Serializer[Any]):
    """Refuses fields it does not know: a misspelt guard must not be a missing guard."""

    def to_internal_value(self, data: Any) -> Any:
        """Raises: ValidationError with code `unknown_field`."""
        if isinstance(data, Mapping):
            unknown = [name for name in data if name not in self.fields]
            if unknown:
                raise serializers.ValidationError(
                    {str(name): serializers.ErrorDetail("there is no such field", "unknown_field") for name in unknown}
                )
        return super().to_internal_value(data)


@extend_schema_field(AMOUNT)
class AmountField(serializers.CharField):
    """A decimal string in token units. How fine it may be depends on the token: amounts.py decides."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(trim_whitespace=False, max_length=120, **kwargs)

    def to_internal_value(self, data: Any) -> str:
        """Raises: ValidationError with code `amount_must_be_string` for a JSON number."""
        if isinstance(data, (int, float)) and not isinstance(data, bool):
            raise serializers.ValidationError("a JSON number cannot hold an exact amount", "amount_must_be_string")
        if not isinstance(data, str):
            raise serializers.ValidationError("not a decimal string", "invalid")
        return super().to_internal_value(data)


@extend_schema_field(BPS)
class BpsField(serializers.DecimalField):
    """Basis points, up to two decimals, as a number or a decimal string."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(max_digits=7, decimal_places=2, min_value=Decimal(0), max_value=Decimal(10_000), **kwargs)


class StrictTextField(serializers.CharField):
    """Text that must come as text, and stays as it came: a number is refused, blanks are kept."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**{"trim_whitespace": False, **kwargs})

    def to_internal_value(self, data: Any) -> str:
        """Raises: ValidationError for anything but a string."""
        if not isinstance(data, str):
            self.fail("invalid")
        return super().to_internal_value(data)


class ClientOrderIdField(StrictTextField):
    """The caller's own id for an order."""

    def __init__(self, **kwargs: Any) -> None:
        validator = RegexValidator(CLIENT_ORDER_ID, "1 to 64 of A-Z a-z 0-9 . _ : -")
        super().__init__(validators=[validator], **kwargs)


@extend_schema_field(TIME)
class TimeField(serializers.DateTimeField):
    """A moment as RFC 3339 writes it."""


@extend_schema_field({"type": "string", "enum": sorted(ORDER_TYPES)})
class OrderTypeField(StrictTextField):
    """The name of an order type; intake.py knows which there are."""


class NamesField(serializers.ListField):
    """A short list of names."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(child=StrictTextField(max_length=32), max_length=32, **kwargs)


@extend_schema_field(TAGS)
class TagsField(serializers.DictField):
    """The owner's labels."""


class GuardsSerializer(StrictSerializer):
    """Limits under which the order may execute."""

    max_slippage_bps = BpsField(required=False, help_text="Worsening allowed between quote and execution.")
    max_price_impact_bps = BpsField(
        required=False, allow_null=True, help_text="Worsening allowed by the order's own size."
    )
    min_amount_out = AmountField(required=False, allow_null=True, help_text="exact_in: least token_out to receive.")
    max_amount_in = AmountField(required=False, allow_null=True, help_text="exact_out: most token_in to give.")
    max_quote_age_ms = serializers.IntegerField(
        required=False, allow_null=True, min_value=1, max_value=600_000, help_text="Older quotes are taken anew."
    )


class RouteLimitField(serializers.IntegerField):
    """How large a route may be; null: as large as pays best."""

    def __init__(self, most: int, **kwargs: Any) -> None:
        super().__init__(required=False, allow_null=True, min_value=1, max_value=most, **kwargs)


class VenuesSerializer(StrictSerializer):
    """Where the order may trade; empty `allow` means everywhere."""

    allow = NamesField(required=False)
    deny = NamesField(required=False)
    deny_tokens = NamesField(required=False, help_text="Tokens that the route may not pass through.")
    max_legs = RouteLimitField(16, help_text="Most paths side by side; 1: no split.")
    max_hops = RouteLimitField(8, help_text="Most swaps in a row.")
    max_swaps = RouteLimitField(32, help_text="Most swaps in all.")


class SimSerializer(StrictSerializer):
    """What the simulated chain acts out for this order."""

    scenario = serializers.ChoiceField(choices=sorted(SCENARIOS), required=False)


class SwapSerializer(StrictSerializer):
    """What a quote and an order have in common."""

    token_in = StrictTextField(max_length=32)
    token_out = StrictTextField(max_length=32)
    amount = AmountField(help_text="Token units: of token_in for exact_in, of token_out for exact_out.")
    side = serializers.ChoiceField(choices=[side.value for side in Side], required=False, default=Side.EXACT_IN.value)
    guards = GuardsSerializer(required=False)
    venues = VenuesSerializer(required=False)


class QuoteRequestSerializer(SwapSerializer):
    """POST /quotes."""


class OrderRequestSerializer(SwapSerializer):
    """POST /orders: only token_in, token_out and amount are required."""

    type = OrderTypeField(max_length=32, required=False, default="market")
    client_order_id = ClientOrderIdField(required=False, allow_null=True)
    time_in_force = serializers.ChoiceField(choices=TIMES_IN_FORCE, required=False)
    expires_at = TimeField(required=False, allow_null=True, help_text="RFC 3339, with gtd.")
    tags = TagsField(child=StrictTextField(max_length=64), required=False)
    sim = SimSerializer(required=False)

    def validate_tags(self, tags: dict[str, str]) -> dict[str, str]:
        """A handful of short labels."""
        if len(tags) > MAX_TAGS or any(not 1 <= len(name) <= 64 for name in tags):
            raise serializers.ValidationError(f"at most {MAX_TAGS} tags with names of 1 to 64 characters")
        return tags

    def validate_expires_at(self, value: datetime | None) -> datetime | None:
        """Keep whole milliseconds, so that the stored and the shown time are the same."""
        return value and value.replace(microsecond=value.microsecond // 1000 * 1000)


class BatchRequestSerializer(StrictSerializer):
    """POST /orders/batch. The items are read one by one, so that one bad order does not refuse the others."""

    orders = serializers.ListField(child=OrderRequestSerializer(), min_length=1, max_length=MAX_BATCH)
    atomic = serializers.BooleanField(required=False, default=False, help_text="All orders are accepted, or none.")


class CancelRequestSerializer(StrictSerializer):
    """Optional body of a cancel."""

    reason = StrictTextField(max_length=200, required=False, allow_blank=True)
