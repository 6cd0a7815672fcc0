"""A quote in words for a terminal: the price, each leg, how good the route is, and what each venue alone would give."""

from collections.abc import Iterator, Mapping
from typing import Any

from orders.cli.render import grouped
from orders.routes import proof_sentences, venue_title

PRICE_DIGITS = 12


def quote_lines(quote: Mapping[str, Any]) -> Iterator[str]:
    """The lines, widest facts first."""
    token_in, token_out, route = quote["token_in"], quote["token_out"], quote["route"]
    yield (
        f"{grouped(quote['amount_in'])} {token_in} → {grouped(quote['amount_out'])} {token_out}"
        f"  (price {grouped(quote['price'], PRICE_DIGITS)}, impact {route['price_impact_bps']} bp)"
    )
    if quote["side"] == "exact_in":
        yield f"at least {grouped(quote['min_amount_out'])} {token_out}, whatever the market does meanwhile"
    else:
        yield f"at most {grouped(quote['max_amount_in'])} {token_in}, whatever the market does meanwhile"
    for leg in route["legs"]:
        yield f"  {leg['share']:7.2%}  {' → '.join(_hop(hop) for hop in leg['hops'])}"
    yield from proof_sentences(route)
    yield "each venue alone: " + ", ".join(_venue(venue, quote["side"]) for venue in route["venue_quotes"])


def _hop(hop: Mapping[str, Any]) -> str:
    return f"{grouped(hop['amount_in'])} {hop['token_in']} [{venue_title(hop['venue'])} {hop['pool']}]" + (
        f" {grouped(hop['amount_out'])} {hop['token_out']}"
    )


def _venue(venue: Mapping[str, Any], side: str) -> str:
    amount = venue["amount_out" if side == "exact_in" else "amount_in"]
    return f"{venue_title(venue['venue'])} {venue['code'] if amount is None else grouped(amount)}"
