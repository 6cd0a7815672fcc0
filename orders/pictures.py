"""The picture of a stored route, for pages."""

from collections.abc import Iterable, Mapping
from decimal import Decimal, localcontext
from typing import Any

from dex.picture import Band, sankey
from orders.routes import decode_route, venue_title

MAX_DIGITS = 120  # of an amount


def route_svg(stored: Mapping[str, Any], element_id: str) -> str:
    """An SVG of how a route splits and merges; everything in it is escaped. `element_id` is unique in its page."""
    route = decode_route(stored)
    bands = [
        Band(hop.token_in, hop.token_out, hop.amount_in, hop.amount_out, hop.pool_id, venue_title(hop.venue))
        for hop in route.hops
    ]
    amounts = {
        token: _total(Decimal(swap[side]) for swap in stored["swaps"] if swap[end] == token)
        for token, end, side in (
            (route.token_in, "token_in", "amount_in"),
            (route.token_out, "token_out", "amount_out"),
        )
    }
    return sankey(
        bands, title=f"Route from {route.token_in} to {route.token_out}", notes=amounts, element_id=element_id
    )


def _total(amounts: Iterable[Decimal]) -> str:
    with localcontext(prec=MAX_DIGITS):
        whole, _, fraction = f"{sum(amounts):f}".partition(".")
    fraction = fraction.rstrip("0")
    return f"{int(whole):,}" + (f".{fraction}" if fraction else "")
