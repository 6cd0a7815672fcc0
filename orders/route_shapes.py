"""What answers say of amounts, guards and routes, in the OpenAPI schema's words."""

from typing import Any

from rest_framework import serializers

BPS_TEXT = r"^-?(0|[1-9][0-9]*)(\.[0-9]+)?$"


def units(help_text: str = "Token units.", **kwargs: Any) -> serializers.CharField:
    """An amount is text in every answer."""
    return serializers.CharField(help_text=help_text, **kwargs)


def bps(help_text: str = "Basis points.", **kwargs: Any) -> serializers.RegexField:
    """Basis points are text in every answer; requests may also state a number."""
    return serializers.RegexField(BPS_TEXT, help_text=help_text, **kwargs)


class GuardsShape(serializers.Serializer[Any]):
    """The owner's limits, as they hold."""

    max_slippage_bps = bps()
    max_price_impact_bps = bps(allow_null=True)
    min_amount_out = units(allow_null=True)
    max_amount_in = units(allow_null=True)
    max_quote_age_ms = serializers.IntegerField(allow_null=True)


class RouteLimitsShape(serializers.Serializer[Any]):
    """Where the order may trade, and how large its route may be; null: no limit."""

    allow = serializers.ListField(child=serializers.CharField(), allow_null=True)
    deny = serializers.ListField(child=serializers.CharField())
    deny_tokens = serializers.ListField(child=serializers.CharField())
    max_legs = serializers.IntegerField(allow_null=True)
    max_hops = serializers.IntegerField(allow_null=True)
    max_swaps = serializers.IntegerField(allow_null=True)


class HopShape(serializers.Serializer[Any]):
    """One swap through one pool."""

    venue = serializers.CharField()
    pool = serializers.CharField()
    token_in = serializers.CharField()
    token_out = serializers.CharField()
    amount_in = units()
    amount_in_raw = units("Atoms.")
    amount_out = units()
    amount_out_raw = units("Atoms.")


class LegShape(serializers.Serializer[Any]):
    """One parallel share of the route."""

    share = serializers.FloatField(help_text="Share of the input, 0 to 1.")
    hops = HopShape(many=True)


class VenueQuoteShape(serializers.Serializer[Any]):
    """What one venue alone would have given, or the code of its refusal."""

    venue = serializers.CharField()
    amount_in = units(allow_null=True)
    amount_in_raw = units("Atoms.", allow_null=True)
    amount_out = units(allow_null=True)
    amount_out_raw = units("Atoms.", allow_null=True)
    code = serializers.CharField(allow_null=True)


class RouteShape(serializers.Serializer[Any]):
    """The whole plan, with its comparison."""

    token_in = serializers.CharField()
    token_out = serializers.CharField()
    legs = LegShape(many=True, help_text="Paths that add up to the route.")
    swaps = HopShape(many=True, help_text="Each pool once: sold only after everything that buys it.")
    upper_bound = units("exact_in: no route of any shape pays more.", required=False, allow_null=True)
    upper_bound_raw = units("Atoms.", required=False, allow_null=True)
    lower_bound = units("exact_out: no route of any shape costs less.", required=False, allow_null=True)
    lower_bound_raw = units("Atoms.", required=False, allow_null=True)
    gap_bps = bps("How far the route is from that bound, at most.", allow_null=True)
    best_single_venue = serializers.CharField(allow_null=True)
    saved_bps = bps("Better than the best single venue by.", allow_null=True)
    price_impact_bps = bps("How much worse the order's own size makes its price.")
    mid_amount_out = units("The same input at the marginal prices, without fee or impact.")
    mid_amount_out_raw = units("Atoms.")
    snapshot_version = serializers.IntegerField(help_text="Block that was priced.")
    venue_quotes = VenueQuoteShape(many=True)
