"""The HTTP shapes of what callers send: strict fields, decimal strings, no JSON numbers for money."""

from collections.abc import Callable
from datetime import datetime
from typing import Any, TypeVar

from django.core.validators import RegexValidator
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from dex import FeeStrategy, Side
from dex.chains.scenarios import SCENARIOS
from orders import scalars
from orders.api.strict import StrictSerializer
from orders.order_types import FIELDS, ORDER_TYPES, TIMES_IN_FORCE, read_type, types_with
from orders.order_types.fields import MemberErrors, RequestField
from orders.scalars import CLIENT_ORDER_ID, QUOTE_ID

MAX_TAGS = 16
Read = TypeVar("Read")
CLIENT_ORDER_ID_PATTERN = CLIENT_ORDER_ID.replace(r"\Z", "$")  # in the words of JSON Schema
# What fields take, in the words of JSON Schema: no request that the schema allows is refused as malformed.
TAGS = {
    "type": "object",
    "maxProperties": MAX_TAGS,
    "propertyNames": {"minLength": 1, "maxLength": 64},
    "additionalProperties": {"type": "string", "minLength": 1, "maxLength": 64},
}


def read_as(read: Callable[[Any], Read], data: Any) -> Read:
    """What a scalar's reader makes of a value. Raises: ValidationError with its code and words."""
    try:
        return read(data)
    except MemberErrors as wrong:
        errors = {name: serializers.ErrorDetail(error.detail, error.code) for name, error in wrong.errors.items()}
        raise serializers.ValidationError(errors) from None
    except scalars.ScalarError as error:
        raise serializers.ValidationError(error.detail, error.code) from None


class ScalarField(serializers.Field[Any, Any, Any, Any]):
    """A field that is read by one function of scalars.py alone; it comes after null was seen to."""

    read: Callable[[Any], Any]

    def to_internal_value(self, data: Any) -> Any:
        """Raises: ValidationError."""
        return read_as(type(self).read, data)

    def to_representation(self, value: Any) -> Any:
        """As it is."""
        return value


@extend_schema_field(scalars.AMOUNT_SCHEMA)
class AmountField(ScalarField):
    """A decimal string in token units. How fine it may be depends on the token: amounts.py decides."""

    read = staticmethod(scalars.read_amount)


@extend_schema_field(scalars.BPS_SCHEMA)
class BpsField(ScalarField):
    """Basis points, up to two decimals, as a number or a decimal string."""

    read = staticmethod(scalars.read_bps)


@extend_schema_field(scalars.TIME_SCHEMA)
class TimeField(ScalarField):
    """A moment as RFC 3339 writes it."""

    read = staticmethod(scalars.read_time)


class TypeField(ScalarField):
    """A field of order types; openapi.py publishes it."""

    def __init__(self, declared: RequestField, **kwargs: Any) -> None:
        self.declared = declared
        super().__init__(**kwargs)

    def to_internal_value(self, data: Any) -> Any:
        """Raises: ValidationError."""
        return read_as(self.declared.kind.read, data)


def type_fields(**kwargs: Any) -> dict[str, TypeField]:
    """The fields that the order types take, by name."""
    return {
        name: TypeField(field, allow_null=True, help_text=f"{field.help_text} For {types_with(name)}.", **kwargs)
        for name, field in FIELDS.items()
    }


class WholeField(serializers.IntegerField):
    """A whole JSON number in a range; no text, no true."""

    def __init__(self, least: int, most: int, **kwargs: Any) -> None:
        self._range = least, most
        super().__init__(min_value=least, max_value=most, **kwargs)

    def to_internal_value(self, data: Any) -> int:
        """Raises: ValidationError."""
        return read_as(lambda value: scalars.read_whole(value, *self._range), data)


class FlagField(serializers.BooleanField):
    """JSON's true or false."""

    def to_internal_value(self, data: Any) -> bool:
        """Raises: ValidationError."""
        return read_as(scalars.read_flag, data)


class WordField(serializers.ChoiceField):
    """One of some words, as it is written."""

    def to_internal_value(self, data: Any) -> Any:
        """Raises: ValidationError."""
        return read_as(lambda value: scalars.read_choice(value, list(self.choices)), data)


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


@extend_schema_field({"type": "string", "enum": sorted(ORDER_TYPES)})
class OrderTypeField(ScalarField):
    """The name of an order type."""

    read = staticmethod(read_type)


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
    max_price_impact_bps = BpsField(required=False, allow_null=True, help_text="Worsening allowed by its own size.")
    max_deviation_bps = BpsField(required=False, allow_null=True, help_text="Allowed below the reference price.")
    min_amount_out = AmountField(required=False, allow_null=True, help_text="exact_in: least token_out to receive.")
    max_amount_in = AmountField(required=False, allow_null=True, help_text="exact_out: most token_in to give.")
    max_quote_age_ms = WholeField(
        1, 600_000, required=False, allow_null=True, help_text="Older quotes are taken again."
    )


class RouteLimitField(WholeField):
    """How large a route may be; null: as large as pays best."""

    def __init__(self, most: int, **kwargs: Any) -> None:
        super().__init__(1, most, required=False, allow_null=True, **kwargs)


class VenuesSerializer(StrictSerializer):
    """Where the order may trade: everywhere, unless `allow` or `deny` says otherwise."""

    allow = NamesField(
        required=False,
        allow_null=True,
        min_length=1,
        error_messages={"min_length": "an empty list could mean all or none: leave it out, or send null, for all"},
        help_text="The only venues; null: all. An empty list is refused.",
    )
    deny = NamesField(required=False)
    deny_tokens = NamesField(required=False, help_text="Tokens that the route may not pass through.")
    max_legs = RouteLimitField(16, help_text="Most paths side by side; 1: no split.")
    max_hops = RouteLimitField(8, help_text="Most swaps in a row.")
    max_swaps = RouteLimitField(32, help_text="Most swaps in all.")


class FeeSerializer(StrictSerializer):
    """What the order offers for its place in a block, and the most that its swaps may cost on the network, in all."""

    strategy = WordField(choices=[strategy.value for strategy in FeeStrategy], required=False)
    max_native = AmountField(
        required=False,
        allow_null=True,
        help_text="Units of the chain's own token. Above it the order waits for fees to fall; null: no such limit.",
    )


class SimSerializer(StrictSerializer):
    """What the simulated chain acts out for this order."""

    scenario = WordField(choices=sorted(SCENARIOS), required=False)


class SwapSerializer(StrictSerializer):
    """What a quote and an order have in common."""

    token_in = StrictTextField(max_length=32)
    token_out = StrictTextField(max_length=32)
    amount = AmountField(help_text="Token units: of token_in for exact_in, of token_out for exact_out.")
    side = WordField(choices=[side.value for side in Side], required=False, default=Side.EXACT_IN.value)
    guards = GuardsSerializer(required=False)
    venues = VenuesSerializer(required=False)
    fee = FeeSerializer(required=False)


class QuoteRequestSerializer(SwapSerializer):
    """POST /quotes."""


class OrderRequestSerializer(SwapSerializer):
    """POST /orders: only token_in, token_out and amount are required."""

    type = OrderTypeField(required=False, default="market")
    client_order_id = ClientOrderIdField(required=False, allow_null=True)
    quote_id = StrictTextField(
        required=False,
        allow_null=True,
        validators=[RegexValidator(QUOTE_ID, "is not the form of a quote_id")],
        help_text="A quote of yours for the same pair, side and amount: executed within its limit, or refused.",
    )
    time_in_force = WordField(choices=TIMES_IN_FORCE, required=False)
    expires_at = TimeField(required=False, allow_null=True, help_text="RFC 3339, with gtd.")
    tags = TagsField(child=StrictTextField(max_length=64), required=False)
    sim = SimSerializer(required=False)

    def get_fields(self) -> dict[str, Any]:
        """Those of every order, and those of the order types."""
        return super().get_fields() | type_fields(required=False)

    def validate_tags(self, tags: dict[str, str]) -> dict[str, str]:
        """A handful of short labels."""
        if len(tags) > MAX_TAGS or any(not 1 <= len(name) <= 64 for name in tags):
            raise serializers.ValidationError(f"at most {MAX_TAGS} tags with names of 1 to 64 characters")
        return tags

    def validate_expires_at(self, value: datetime | None) -> datetime | None:
        """Keep whole milliseconds, so that the stored and the shown time are the same."""
        return value and value.replace(microsecond=value.microsecond // 1000 * 1000)


class CancelRequestSerializer(StrictSerializer):
    """Optional body of a cancel."""

    reason = StrictTextField(max_length=200, required=False, validators=[RegexValidator(r"\S", "must say why")])
