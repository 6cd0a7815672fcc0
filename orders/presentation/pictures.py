"""The picture of a route, from its public JSON."""

from collections.abc import Iterable, Mapping
from decimal import Decimal, localcontext
from typing import Any

from dex.picture import Band, sankey
from orders.presentation.routes import venue_title

MAX_DIGITS = 120  # of an amount


def route_svg(route: Mapping[str, Any], element_id: str, *, is_document: bool = True) -> str:
    """An SVG of how a route splits and merges; everything in it is escaped. `element_id` is unique in its page."""
    swaps, token_in, token_out = route["swaps"], route["token_in"], route["token_out"]
    bands = [
        Band(
            swap["token_in"],
            swap["token_out"],
            int(swap["amount_in_raw"]),
            int(swap["amount_out_raw"]),
            swap["pool"],
            venue_title(swap["venue"]),
        )
        for swap in swaps
    ]
    totals = {
        token_in: _total(Decimal(swap["amount_in"]) for swap in swaps if swap["token_in"] == token_in),
        token_out: _total(Decimal(swap["amount_out"]) for swap in swaps if swap["token_out"] == token_out),
    }
    title = f"Route from {token_in} to {token_out}"
    return sankey(bands, title=title, notes=totals, element_id=element_id, is_document=is_document)


def _total(amounts: Iterable[Decimal]) -> str:
    with localcontext(prec=MAX_DIGITS):
        whole, _, fraction = f"{sum(amounts):f}".partition(".")
    fraction = fraction.rstrip("0")
    return f"{int(whole):,}" + (f".{fraction}" if fraction else "")
