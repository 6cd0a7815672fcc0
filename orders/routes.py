"""Stored form of routes and quotes: public JSON with amounts in token units, and exact atoms beside them."""

from collections.abc import Mapping
from typing import Any

from dex import PPM, VENUES, Hop, Leg, Quote, Route, Side, legs_of
from orders.amounts import bps_text, format_units, grouped, ppm_to_bps

# How good a route is; of the two bounds it has the one for its side.
PROOF = ("upper_bound", "lower_bound", "gap_bps", "best_single_venue", "saved_bps")
GAP_DECIMALS, SAVED_DECIMALS = 6, 4
# Decimals of the finest token: a bound is never cut.
EXACT = 36


def encode_quote(quote: Quote, decimals: Mapping[str, int]) -> dict[str, Any]:
    """A quote's route, comparison and marks. `decimals` maps each token symbol in it to its exponent."""
    route = quote.route
    in_decimals, out_decimals = decimals[route.token_in], decimals[route.token_out]
    return {
        "token_in": route.token_in,
        "token_out": route.token_out,
        "legs": encode_legs(legs_of(route), decimals),
        "swaps": [_encode_hop(hop, decimals) for hop in route.hops],
        **_encode_bound(quote, in_decimals, out_decimals),
        **_encode_saved(quote),
        "price_impact_bps": ppm_to_bps(max(0, quote.price_impact_ppm)),
        "mid_amount_out": format_units(quote.mid_amount_out, out_decimals),
        "mid_amount_out_raw": str(quote.mid_amount_out),
        "snapshot_version": quote.snapshot_version,
        "venue_quotes": [
            {
                "venue": venue.venue,
                "amount_in": _units(venue.amount_in, in_decimals),
                "amount_in_raw": _text(venue.amount_in),
                "amount_out": _units(venue.amount_out, out_decimals),
                "amount_out_raw": _text(venue.amount_out),
                "code": venue.code,
            }
            for venue in quote.venue_quotes
        ],
    }


def _encode_bound(quote: Quote, in_decimals: int, out_decimals: int) -> dict[str, Any]:
    """What no route of any shape can beat: of token_out for a fixed input, of token_in for a fixed output."""
    is_exact_in = quote.side is Side.EXACT_IN
    name, decimals = ("upper_bound", out_decimals) if is_exact_in else ("lower_bound", in_decimals)
    gap_bps = None if quote.gap_bps is None else bps_text(quote.gap_bps, GAP_DECIMALS)
    return {name: _units(quote.bound, decimals), f"{name}_raw": _text(quote.bound), "gap_bps": gap_bps}


def _encode_saved(quote: Quote) -> dict[str, Any]:
    """The venue that alone would have come closest, and how much better the route is, in basis points."""
    best = quote.best_venue
    if best is None or not best.amount_in or not best.amount_out:
        return {"best_single_venue": None, "saved_bps": None}
    if quote.side is Side.EXACT_IN:
        saved = quote.amount_out / best.amount_out - 1
    else:
        saved = best.amount_in / quote.amount_in - 1
    return {"best_single_venue": best.venue, "saved_bps": bps_text(saved * 10_000, SAVED_DECIMALS)}


def proof_sentences(stored: Mapping[str, Any]) -> list[str]:
    """What a stored route says of itself, in words: its distance from the bound, and what it saves."""
    stored = in_present_form(stored)
    token_in, token_out = stored["token_in"], stored["token_out"]
    said = []
    if (most := stored.get("upper_bound")) is not None:
        said.append(f"no route pays more than {grouped(most, EXACT)} {token_out}")
    if (least := stored.get("lower_bound")) is not None:
        said.append(f"no route costs less than {grouped(least, EXACT)} {token_in}")
    if (gap := stored.get("gap_bps")) is not None:
        said.append(f"this one is within {gap} bp of that")
    if (saved := stored.get("saved_bps")) is not None:
        said.append(f"{saved} bp better than {venue_title(stored['best_single_venue'])} alone")
    return said


def venue_title(name: str) -> str:
    """A venue's name for people; its own slug where the engine no longer knows it."""
    venue = VENUES.get(name)
    return venue.display_name if venue else name


def encode_legs(legs: tuple[Leg, ...], decimals: Mapping[str, int]) -> list[dict[str, Any]]:
    """Legs with their share of the input (0 to 1, six decimals) and every hop's amounts."""
    total = sum(leg.amount_in for leg in legs)
    return [
        {
            "share": leg.amount_in * PPM // total / PPM,
            "hops": [_encode_hop(hop, decimals) for hop in leg.hops],
        }
        for leg in legs
    ]


def in_present_form(stored: Mapping[str, Any]) -> dict[str, Any]:
    """A stored route as it would be stored today: earlier rows hold numbers, one as `gap_bp`."""
    route = dict(stored)
    if "gap_bp" in route:
        route["gap_bps"] = route.pop("gap_bp")
    for name, decimals in (("gap_bps", GAP_DECIMALS), ("saved_bps", SAVED_DECIMALS)):
        if isinstance(route.get(name), (int, float)):
            route[name] = bps_text(route[name], decimals)
    return route


def decode_route(stored: Mapping[str, Any]) -> Route:
    """The exact route out of its stored form."""
    hops = tuple(
        Hop(
            swap["venue"],
            swap["pool"],
            swap["token_in"],
            swap["token_out"],
            int(swap["amount_in_raw"]),
            int(swap["amount_out_raw"]),
        )
        for swap in stored["swaps"]
    )
    return Route(stored["token_in"], stored["token_out"], hops)


def _encode_hop(hop: Hop, decimals: Mapping[str, int]) -> dict[str, str]:
    return {
        "venue": hop.venue,
        "pool": hop.pool_id,
        "token_in": hop.token_in,
        "token_out": hop.token_out,
        "amount_in": format_units(hop.amount_in, decimals[hop.token_in]),
        "amount_in_raw": str(hop.amount_in),
        "amount_out": format_units(hop.amount_out, decimals[hop.token_out]),
        "amount_out_raw": str(hop.amount_out),
    }


def _units(atoms: int | None, decimals: int) -> str | None:
    return None if atoms is None else format_units(atoms, decimals)


def _text(atoms: int | None) -> str | None:
    return None if atoms is None else str(atoms)
