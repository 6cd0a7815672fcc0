"""Stored form of routes and quotes: public JSON with amounts in token units, and exact atoms beside them."""

from collections.abc import Mapping
from typing import Any

from dex import PPM, Hop, Leg, Quote, Route, legs_of
from orders.amounts import format_units, ppm_to_bps


def encode_quote(quote: Quote, decimals: Mapping[str, int]) -> dict[str, Any]:
    """A quote's route, comparison and marks. `decimals` maps each token symbol in it to its exponent."""
    route = quote.route
    in_decimals, out_decimals = decimals[route.token_in], decimals[route.token_out]
    return {
        "token_in": route.token_in,
        "token_out": route.token_out,
        "legs": encode_legs(legs_of(route), decimals),
        "swaps": [_encode_hop(hop, decimals) for hop in route.hops],
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
