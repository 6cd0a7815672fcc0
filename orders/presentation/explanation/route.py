"""Why an order has the route that it has: shares, the next best, costs, the proof, and what limits it."""

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

from dex import PPM, Side, legs_of
from orders.amounts import bps_text, format_units, ppm_to_bps
from orders.measures import share_bps
from orders.models import Order
from orders.plan import SwapPlan
from orders.presentation.explanation.sentences import Sentence, and_also, atoms, given, got, in_bp, shown
from orders.presentation.history import QuoteSeen
from orders.presentation.routes import GAP_DECIMALS, SAVED_DECIMALS, venue_title
from orders.states import OrderStatus

NO_IMPACT = "Its own size does not move the price."
_LIMITS = {"max_legs": "parallel paths", "max_hops": "swaps in a row", "max_swaps": "swaps"}


def route_sentences(order: Order, last_quote: QuoteSeen | None) -> list[Sentence]:
    """From its plan; where an undone attempt has taken that, from what the event of its last quote tells."""
    return [*_family(order), *_route(order, last_quote), *_limits(order)]


def _family(order: Order) -> Iterator[Sentence]:
    """Of a child."""
    if order.parent_id is not None:
        facts = {"parent_id": str(order.parent_id)}
        yield Sentence("part_of", f"It is a part of order {order.parent_id}, which has decided on its amount.", facts)


def _route(order: Order, last_quote: QuoteSeen | None) -> list[Sentence]:
    if order.is_parent:
        text = "It is executed by orders of its own, its children, and each of them has a route of its own."
        return [Sentence("route_of_children", text)]
    plan = order.plan
    if plan is not None:
        return [*_of_plan(order, plan), *_enforced(order)]
    if last_quote is not None:
        return [_of_event(order, last_quote)]
    is_over = order.status == OrderStatus.FAILED
    text = (
        "It was never given a route." if is_over else "It has no route yet: that is sought when it is to be executed."
    )
    return [Sentence("no_route_yet", text)]


def _of_plan(order: Order, plan: SwapPlan) -> Iterator[Sentence]:
    legs = legs_of(plan.route)
    total = sum(leg.amount_in for leg in legs)
    parts = [
        {
            "share": format_units(leg.amount_in * PPM // total, 6),
            "venues": [hop.venue for hop in leg.hops],
            "via": [hop.token_out for hop in leg.hops[:-1]],
        }
        for leg in legs
    ]
    yield _split(parts)
    yield _next_best(order, plan)
    yield from _runner_up(order, plan)
    refusing = [quote for quote in plan.venue_quotes if quote.code is not None]
    if refusing:
        names = and_also([venue_title(quote.venue) for quote in refusing])
        facts = {"venues": {quote.venue: quote.code for quote in refusing}}
        yield Sentence("venues_unable", f"{names} alone could not have filled it.", facts)
    yield _impact(plan)
    if plan.network_fee is not None:
        yield _fee(plan)
    yield _proof(plan)


def _split(parts: list[dict[str, Any]]) -> Sentence:
    words = [_path(part) for part in parts]
    if len(parts) == 1:
        return Sentence("route_single", f"All of it goes through {words[0]}.", {"legs": parts})
    shares = [f"{Decimal(part['share']) * 100:.4g} % through {path}" for part, path in zip(parts, words, strict=True)]
    return Sentence("route_split", f"It is split: {and_also(shares)}.", {"legs": parts})


def _path(part: Mapping[str, Any]) -> str:
    names = and_also([venue_title(venue) for venue in dict.fromkeys(part["venues"])])
    return f"{names} (via {', '.join(part['via'])})" if part["via"] else names


def _next_best(order: Order, plan: SwapPlan) -> Sentence:
    """The best venue alone, and what it would have given."""
    alone, saved = plan.best_venue, plan.saved_amount
    if alone is None or saved is None:
        return Sentence("no_single_venue", "No venue alone could have filled it.")
    is_exact_in = plan.side is Side.EXACT_IN
    amount = (alone.amount_out if is_exact_in else alone.amount_in) or 0
    words = f"{venue_title(alone.venue)} alone would have {'paid' if is_exact_in else 'asked for'}"
    words += f" {got(order, amount) if is_exact_in else given(order, amount)}"
    decimals, token = _counter(order)
    facts = {
        "venue": alone.venue,
        **atoms("amount", amount, decimals, token),
        "saved": format_units(saved, decimals),
        "saved_raw": str(saved),
        "saved_bps": None if plan.saved_bps is None else bps_text(plan.saved_bps, SAVED_DECIMALS),
    }
    net = ", network fees counted" if plan.network_fee is not None else ""
    if saved == 0:
        is_it = plan.venues == {alone.venue}
        why = "nothing is gained by a split" if is_it else "which is as good"
        return Sentence("best_is_single", f"{words}: {why}.", facts)
    if saved < 0:
        return Sentence("single_was_better", f"{words}, {shown(-saved, decimals, token)} better{net}.", facts)
    in_bps = f" ({in_bp(facts['saved_bps'])})" if facts["saved_bps"] else ""
    return Sentence("next_best", f"{words}, {shown(saved, decimals, token)}{in_bps} worse{net}.", facts)


def _runner_up(order: Order, plan: SwapPlan) -> Iterator[Sentence]:
    """Where the route is the best venue alone: the venue after it."""
    others = [
        (behind, quote)
        for quote in plan.venue_quotes
        if plan.venues == {plan.best_venue and plan.best_venue.venue}
        and quote is not plan.best_venue
        and (behind := plan.venue_behind(quote)) is not None
    ]
    if not others:
        return
    behind, quote = min(others, key=lambda pair: pair[0])
    is_exact_in = plan.side is Side.EXACT_IN
    amount = (quote.amount_out if is_exact_in else quote.amount_in) or 0
    decimals, token = _counter(order)
    bps = share_bps(behind, amount)
    facts = {
        "venue": quote.venue,
        **atoms("amount", amount, decimals, token),
        "behind": format_units(behind, decimals),
        "behind_raw": str(behind),
        "behind_bps": bps,
    }
    words = f"The next venue is {venue_title(quote.venue)}, with {shown(amount, decimals, token)}"
    in_bps = f" ({in_bp(bps)})" if bps else ""
    yield Sentence("runner_up", f"{words}, {shown(behind, decimals, token)}{in_bps} worse.", facts)


def _impact(plan: SwapPlan) -> Sentence:
    impact = ppm_to_bps(plan.price_impact_ppm)
    text = f"Its own size makes the price {in_bp(impact)} worse." if plan.price_impact_ppm else NO_IMPACT
    return Sentence("price_impact", text, {"price_impact_bps": impact})


def _fee(plan: SwapPlan) -> Sentence:
    assert plan.network_fee is not None
    fee, decimals = plan.network_fee, plan.decimals[plan.network_fee.token]
    is_exact_in = plan.side is Side.EXACT_IN
    value_decimals = plan.decimals_out if is_exact_in else plan.decimals_in
    value_token = plan.route.token_out if is_exact_in else plan.route.token_in
    worth = "" if fee.value is None else f", worth {shown(fee.value, value_decimals, value_token)}"
    facts = atoms("network_fee", fee.amount, decimals, fee.token)
    if fee.value is not None:
        facts |= {"value": format_units(fee.value, value_decimals), "value_raw": str(fee.value)}
    text = f"The network is expected to charge {shown(fee.amount, decimals, fee.token)}{worth}."
    return Sentence("network_fee", text, facts)


def _proof(plan: SwapPlan) -> Sentence:
    if plan.bound is None or plan.gap_bps is None:
        return Sentence("no_proof", "No bound was found for it: it is the best route that the search has found.")
    is_exact_in = plan.side is Side.EXACT_IN
    decimals, token = (
        (plan.decimals_out, plan.route.token_out) if is_exact_in else (plan.decimals_in, plan.route.token_in)
    )
    gap = bps_text(plan.gap_bps, GAP_DECIMALS)
    net = f", {'less' if is_exact_in else 'with'} the network fee" if plan.network_fee is not None else ""
    what = "pays more than" if is_exact_in else "costs less than"
    text = f"No route of any shape {what} {shown(plan.bound, decimals, token)}{net}; this one is within {in_bp(gap)}."
    return Sentence("proof", text, {**atoms("bound", plan.bound, decimals, token), "gap_bps": gap})


def _of_event(order: Order, quote: QuoteSeen) -> Sentence:
    """What an event tells of a route; one of an older version may tell less."""
    legs = [leg for leg in quote.told["route"] if isinstance(leg, Mapping) and leg.get("hops")]
    parts = [
        {
            "share": str(leg.get("share", "")),
            "venues": [hop["venue"] for hop in leg["hops"]],
            "via": [hop["token_out"] for hop in leg["hops"][:-1]],
        }
        for leg in legs
    ]
    amount = quote.amount(order.side)
    decimals, token = _counter(order)
    quoted = "" if amount is None else f", for {shown(amount, decimals, token)}"
    paths = and_also([_path(part) for part in parts])
    return Sentence("route_was", f"In attempt {quote.attempt} it went through {paths}{quoted}.", {"legs": parts})


def _enforced(order: Order) -> Iterator[Sentence]:
    """The limit that the chain keeps to after the quote."""
    if order.side == Side.EXACT_IN and order.min_amount_out is not None:
        facts = atoms("min_amount_out", order.min_amount_out, order.decimals_out, order.token_out)
        yield Sentence(
            "enforced", f"The chain pays at least {got(order, order.min_amount_out)}, or nothing is swapped.", facts
        )
    if order.side == Side.EXACT_OUT and order.max_amount_in is not None:
        facts = atoms("max_amount_in", order.max_amount_in, order.decimals_in, order.token_in)
        yield Sentence(
            "enforced", f"The chain takes at most {given(order, order.max_amount_in)}, or nothing is swapped.", facts
        )


def _limits(order: Order) -> Iterator[Sentence]:
    """What the owner's terms leave out."""
    terms = order.terms
    for names, words in (
        (terms.allow, "It may trade on {} alone."),
        (terms.deny, "It must not trade on {}."),
    ):
        if names:
            text = words.format(and_also([venue_title(name) for name in names]))
            yield Sentence("venues_limited", text, {"venues": list(names)})
    if terms.deny_tokens:
        text = f"Its route must not lead over {and_also(list(terms.deny_tokens))}."
        yield Sentence("tokens_denied", text, {"tokens": list(terms.deny_tokens)})
    sizes = {name: getattr(terms, name) for name in _LIMITS if getattr(terms, name) is not None}
    if sizes:
        words = and_also([f"{most} {_LIMITS[name]}" for name, most in sizes.items()])
        yield Sentence("route_limited", f"Its route has at most {words}.", sizes)
    if terms.max_network_fee is not None and order.native_decimals is not None and order.native_token:
        most = shown(terms.max_network_fee, order.native_decimals, order.native_token)
        facts = atoms("max_native", terms.max_network_fee, order.native_decimals, order.native_token)
        yield Sentence("fee_limited", f"Its transactions may cost at most {most} in all.", facts)


def _counter(order: Order) -> tuple[int, str]:
    if order.side == Side.EXACT_IN:
        return order.decimals_out, order.token_out
    return order.decimals_in, order.token_in
