"""The public JSON of a plan: amounts in token units, each with its exact twin in atoms, and the plan as legs."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from dex import PPM, VENUES, Hop, Leg, Side, VenueQuote, legs_of
from orders.amounts import bps_text, format_units, grouped, ppm_to_bps
from orders.plan import SwapPlan
from orders.presentation.amounts import amount, bps
from orders.presentation.fees import NETWORK_FEE, net_amounts, planned_fee
from orders.shapes import ABSENT, Shape, integer, listed, nested, text

GAP_DECIMALS, SAVED_DECIMALS = 6, 4
# Shares are whole millionths.
SHARE_DECIMALS = 6
# Decimals of the finest token: a bound is never cut.
EXACT = 36


class PlannedHop(NamedTuple):
    """A swap of a plan."""

    hop: Hop
    decimals: Mapping[str, int]


class PlannedLeg(NamedTuple):
    """A leg of a plan, with the input of all its legs."""

    leg: Leg
    total: int
    decimals: Mapping[str, int]


class Alone(NamedTuple):
    """What one venue alone would have given, and the plan that it is compared with."""

    quote: VenueQuote
    plan: SwapPlan


HOP = Shape[PlannedHop](
    "HopShape",
    "One swap through one pool.",
    {
        "venue": text(lambda planned: planned.hop.venue),
        "pool": text(lambda planned: planned.hop.pool_id),
        "token_in": text(lambda planned: planned.hop.token_in),
        "token_out": text(lambda planned: planned.hop.token_out),
        **amount("amount_in", lambda planned: planned.hop.amount_in, lambda it: it.decimals[it.hop.token_in]),
        **amount("amount_out", lambda planned: planned.hop.amount_out, lambda it: it.decimals[it.hop.token_out]),
    },
)
LEG = Shape[PlannedLeg](
    "LegShape",
    "One parallel share of the route.",
    {
        "share": text(
            lambda planned: format_units(planned.leg.amount_in * PPM // planned.total, SHARE_DECIMALS),
            "Share of the input, a decimal from 0 to 1, rounded down.",
        ),
        "hops": listed(HOP, lambda planned: _hops_json(planned.leg.hops, planned.decimals)),
    },
)
VENUE_QUOTE = Shape[Alone](
    "VenueQuoteShape",
    "What one venue alone would have given, or the code of its refusal.",
    {
        "venue": text(lambda alone: alone.quote.venue),
        **amount("amount_in", lambda alone: alone.quote.amount_in, lambda alone: alone.plan.decimals_in, null=True),
        **amount("amount_out", lambda alone: alone.quote.amount_out, lambda alone: alone.plan.decimals_out, null=True),
        **net_amounts(
            lambda alone: alone.plan.venue_net(alone.quote),
            lambda alone: alone.plan.side,
            lambda alone: alone.plan.decimals_in,
            lambda alone: alone.plan.decimals_out,
            "of its own route",
        ),
        "code": text(lambda alone: alone.quote.code, null=True),
    },
)
ROUTE = Shape[SwapPlan](
    "RouteShape",
    "The whole plan, with its comparison.",
    {
        "token_in": text(lambda plan: plan.route.token_in),
        "token_out": text(lambda plan: plan.route.token_out),
        "legs": listed(LEG, lambda plan: legs_json(plan), "Paths that add up to the route."),
        "swaps": listed(
            HOP,
            lambda plan: _hops_json(plan.route.hops, plan.decimals),
            "Each pool once: sold only after everything that buys it.",
        ),
        "swap_count": integer(lambda plan: len(plan.route.hops), "How many swaps that is."),
        "network_fee": nested(NETWORK_FEE, planned_fee, null=True),
        **net_amounts(
            lambda plan: plan.net_amount,
            lambda plan: plan.side,
            lambda plan: plan.decimals_in,
            lambda plan: plan.decimals_out,
            "as quoted",
        ),
        # Of the two bounds a route has the one for its side.
        **amount(
            "upper_bound",
            lambda plan: plan.bound if plan.side is Side.EXACT_IN else ABSENT,
            lambda plan: plan.decimals_out,
            "exact_in: no route of any shape pays more, net of the network fee.",
            null=True,
            optional=True,
        ),
        **amount(
            "lower_bound",
            lambda plan: plan.bound if plan.side is Side.EXACT_OUT else ABSENT,
            lambda plan: plan.decimals_in,
            "exact_out: no route of any shape costs less, network fee included.",
            null=True,
            optional=True,
        ),
        "gap_bps": bps(
            lambda plan: None if plan.gap_bps is None else bps_text(plan.gap_bps, GAP_DECIMALS),
            "How far the net amount is from that bound, at most.",
            null=True,
        ),
        "best_single_venue": text(lambda plan: (best := plan.best_venue) and best.venue, null=True),
        "saved_bps": bps(
            lambda plan: None if (saved := plan.saved_bps) is None else bps_text(saved, SAVED_DECIMALS),
            "Better than the best single venue by, net of network fees where all of them are known.",
            null=True,
        ),
        "price_impact_bps": bps(
            lambda plan: ppm_to_bps(plan.price_impact_ppm), "How much worse the order's own size makes its price."
        ),
        **amount(
            "mid_amount_out",
            lambda plan: plan.mid_amount_out,
            lambda plan: plan.decimals_out,
            "The same input at the marginal prices, without fee or impact.",
        ),
        "snapshot_version": integer(about="Block that was priced."),
        "venue_quotes": listed(
            VENUE_QUOTE,
            lambda plan: [VENUE_QUOTE.render(Alone(quote, plan)) for quote in plan.venue_quotes],
        ),
    },
)
# How good a route is and what it costs, as its event says it.
_PROVEN = (
    *("upper_bound", "lower_bound", "gap_bps", "best_single_venue", "saved_bps", "swap_count", "network_fee"),
    *("net_amount_out", "net_amount_out_raw", "net_amount_in", "net_amount_in_raw"),
)
PROOF = Shape[SwapPlan](
    "ProofShape",
    "The distance of a route from its bound, what it saves, and what is left after the network fee.",
    {name: ROUTE.fields[name] for name in _PROVEN},
)


def legs_json(plan: SwapPlan) -> list[dict[str, Any]]:
    """The plan as legs."""
    legs = legs_of(plan.route)
    total = sum(leg.amount_in for leg in legs)
    return [LEG.render(PlannedLeg(leg, total, plan.decimals)) for leg in legs]


def proof_sentences(route: Mapping[str, Any]) -> list[str]:
    """What a route's public JSON says of itself, in words: its distance from the bound, and what it saves."""
    token_in, token_out = route["token_in"], route["token_out"]
    has_fee = bool(route.get("network_fee"))
    said = []
    if (most := route.get("upper_bound")) is not None:
        net = ", less the network fee" if has_fee else ""
        said.append(f"no route pays more than {grouped(most, EXACT)} {token_out}{net}")
    if (least := route.get("lower_bound")) is not None:
        net = ", with the network fee" if has_fee else ""
        said.append(f"no route costs less than {grouped(least, EXACT)} {token_in}{net}")
    if (gap := route.get("gap_bps")) is not None:
        said.append(f"this one is within {gap} bp of that")
    if (saved := route.get("saved_bps")) is not None:
        said.append(
            f"{saved} bp better than {venue_title(route['best_single_venue'])} alone{', net of network fees' * has_fee}"
        )
    return said


def venue_title(name: str) -> str:
    """A venue's name for people; its own slug where the engine no longer knows it."""
    venue = VENUES.get(name)
    return venue.display_name if venue else name


def _hops_json(hops: tuple[Hop, ...], decimals: Mapping[str, int]) -> list[dict[str, Any]]:
    return [HOP.render(PlannedHop(hop, decimals)) for hop in hops]
