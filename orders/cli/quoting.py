"""A quote in words for a terminal: the price, the legs, every swap, how good it is, and each venue alone."""

from collections.abc import Iterator, Mapping
from decimal import Decimal
from itertools import pairwise
from typing import Any

from orders.amounts import grouped
from orders.cli.columns import columns
from orders.presentation.routes import proof_sentences, venue_title

PRICE_DIGITS = 12
INDENT = "  "


def quote_lines(quote: Mapping[str, Any]) -> Iterator[str]:
    """The lines: the price first, then the route, then the proof."""
    token_in, token_out, route = quote["token_in"], quote["token_out"], quote["route"]
    yield f"{grouped(quote['amount_in'])} {token_in} → {grouped(quote['amount_out'])} {token_out}"
    yield f"price {grouped(quote['price'], PRICE_DIGITS)}, impact {route['price_impact_bps']} bps"
    yield from fee_lines(quote)
    if quote["side"] == "exact_in":
        yield f"at least {grouped(quote['min_amount_out'])} {token_out}, even if the market moves meanwhile"
    else:
        yield f"at most {grouped(quote['max_amount_in'])} {token_in}, even if the market moves meanwhile"
    if "quote_id" in quote:
        yield f"until {quote['expires_at']} an order may name it: --quote-id {quote['quote_id']}"
    yield ""
    yield "Legs, by their share of what is given:"
    yield from columns([_leg(leg) for leg in route["legs"]], frozenset({0}), INDENT)
    yield ""
    yield "Swaps, one for each pool; what one pays of a token others take:"
    yield from columns([_swap(swap) for swap in route["swaps"]], frozenset({2, 4}), INDENT)
    yield ""
    yield from proof_sentences(route)
    yield ""
    yield f"Each venue alone, the best first{', net of its network fee' if _knows_fees(quote) else ''}:"
    yield from columns(_venues(quote, route), frozenset({1}), INDENT)


def fee_lines(quote: Mapping[str, Any]) -> Iterator[str]:
    """What the network charges for a quote, and what is left; nothing where it charges nothing."""
    fee, swaps = quote["network_fee"], quote["route"]["swap_count"]
    if fee is None:
        return
    is_exact_in = quote["side"] == "exact_in"
    token = quote["token_out"] if is_exact_in else quote["token_in"]
    net = quote["net_amount_out" if is_exact_in else "net_amount_in"]
    worth = "" if fee["value"] is None else f", worth {grouped(fee['value'])} {token}"
    yield f"network fee {grouped(fee['amount'])} {fee['token']} for {swaps} swap{'' if swaps == 1 else 's'}{worth}"
    if net is not None:
        yield f"{grouped(net)} {token} {'left after it' if is_exact_in else 'given in all with it'}"
    if quote["waiting_for"] == "fees":
        yield "an order would wait: it may cost more than its --max-native"


def _leg(leg: Mapping[str, Any]) -> list[str]:
    hops = leg["hops"]
    assert all(before["token_out"] == after["token_in"] for before, after in pairwise(hops))
    path = " → ".join([hops[0]["token_in"], *(hop["token_out"] for hop in hops)])
    return [f"{Decimal(leg['share']):.2%}", path, ", ".join(venue_title(hop["venue"]) for hop in hops)]


def _swap(swap: Mapping[str, Any]) -> list[str]:
    given, got = grouped(swap["amount_in"]), grouped(swap["amount_out"])
    return [venue_title(swap["venue"]), swap["pool"], given, f"{swap['token_in']} →", got, swap["token_out"]]


def _venues(quote: Mapping[str, Any], route: Mapping[str, Any]) -> list[list[str]]:
    is_exact_in = quote["side"] == "exact_in"
    gross, token = ("amount_out", quote["token_out"]) if is_exact_in else ("amount_in", quote["token_in"])
    name = f"net_{gross}" if _knows_fees(quote) else gross
    found = [venue for venue in route["venue_quotes"] if venue[f"{name}_raw"] is not None]
    found.sort(key=lambda venue: int(venue[f"{name}_raw"]), reverse=is_exact_in)
    rows = [[venue_title(venue["venue"]), grouped(venue[name]), token] for venue in found]
    return rows + [
        [venue_title(venue["venue"]), venue["code"], ""] for venue in route["venue_quotes"] if venue not in found
    ]


def _knows_fees(quote: Mapping[str, Any]) -> bool:
    """Whether the network charges something, and it is known for each venue that would take the order alone."""
    net = "net_amount_out" if quote["side"] == "exact_in" else "net_amount_in"
    able = [venue for venue in quote["route"]["venue_quotes"] if venue["code"] is None]
    return quote["network_fee"] is not None and all(venue[net] is not None for venue in able)
