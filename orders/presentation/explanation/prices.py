"""How far away the price or the pool is that an order waits for."""

from collections.abc import Iterator
from decimal import ROUND_CEILING, Decimal, localcontext
from typing import Any

from orders.amounts import grouped, shown_price
from orders.models import Order
from orders.models.waiting import LEAST_PRICE, POOL_KINDS
from orders.order_types import ORDER_TYPES, type_fields_json
from orders.presentation.explanation.around import Around
from orders.presentation.explanation.sentences import Sentence
from orders.presentation.history import History

_WORDS = {
    "marginal": "the best price of the market",
    "mid": "the mid price",
    "reference": "the reference price",
}
PRICE_DIGITS, WORD_DIGITS = 12, 8


def price_kind(order: Order) -> str:
    """Which price reaches the order's trigger."""
    kind = order.trigger_kind or "limit"
    if kind == "limit":
        return "marginal"
    return "mid" if kind.startswith("last_") else "reference"


def price_wait(order: Order, history: History, around: Around) -> Iterator[Sentence]:
    """What price is waited for, what it is now, and how far that is."""
    wanted = order.trigger_at_price
    facts: dict[str, Any] = {"pair": f"{order.token_in}/{order.token_out}"}
    if wanted is not None and not _is_unset(order):
        yield _distance(order, wanted, around, facts)
    else:
        yield _unknown(order, around, facts)
    yield from _limit_of(order)
    tried = history.last("price_not_reached")
    if tried is not None and tried.facts.get("detail"):
        told = {name: tried.facts[name] for name in ("code", "detail") if name in tried.facts}
        yield Sentence("last_look", f"At the last look: {tried.facts['detail']}.", {**told, "at": tried.at})


def _limit_of(order: Order) -> Iterator[Sentence]:
    """Its limit price, where that is not the price that it waits for."""
    limit, wanted, kind = _limit(order), order.trigger_at_price, order.trigger_kind
    if limit is None or wanted is None:
        return
    facts = {"limit_price": _plain(limit)}
    if kind != "limit":
        yield Sentence("limit_later", f"Once that is reached, it waits for its limit of {_shown(limit)}.", facts)
    elif wanted > limit:
        words = f"Its limit is {_shown(limit)}; at its size, with fees, that takes the price above."
        yield Sentence("limit_price", words, facts)


def pool_wait(order: Order) -> Iterator[Sentence]:
    """Which pool would be enough."""
    own = type_fields_json(order.order_type, order)
    if own.get("min_liquidity") is None:
        yield Sentence("waits_for_pool", f"It waits for a new pool of {order.token_in} and {order.token_out}.")
        return
    token = order.token_in if order.trigger_kind != "pool_out" else order.token_out
    text = (
        f"It waits for a new pool of {order.token_in} and {order.token_out} that holds at least"
        f" {grouped(str(own.get('min_liquidity')))} {token} and is at most {own.get('max_age_s')} s old."
    )
    facts = {"min_liquidity": own.get("min_liquidity"), "token": token, "max_age_s": own.get("max_age_s")}
    yield Sentence("waits_for_pool", text, facts)


def is_pool(order: Order) -> bool:
    """Whether it waits for a pool, not for a price."""
    return order.trigger_kind in POOL_KINDS


def _distance(order: Order, wanted: Decimal, around: Around, facts: dict[str, Any]) -> Sentence:
    kind = order.trigger_kind or "limit"
    falls = kind.endswith(("falls", "trails"))
    name = _WORDS[price_kind(order)]
    verb = "falls" if falls else "rises"
    words = f"It waits until {name} {verb} to {_shown(wanted)} {order.token_out} for one {order.token_in}"
    if kind.endswith("trails"):
        trail = type_fields_json(order.order_type, order).get("trail_bps")
        words += f", {trail} bp below the best since it was placed"
        facts["trail_bps"] = trail
    facts |= {"price_kind": price_kind(order), "direction": verb, "trigger_price": _plain(wanted)}
    now = around.price
    if now is None:
        doubt = around.price_doubt or "not known"
        return Sentence("waits_for_price", f"{words}. What it is now cannot be said: {doubt}.", facts)
    reached = now.price <= wanted if falls else now.price >= wanted
    away = distance_bps(now.price, wanted)
    facts |= {
        "price_now": shown_price(now.price),
        "price_now_kind": now.kind,
        "block": now.block,
        "reached": reached,
        "distance_bps": "0" if reached else away,
    }
    called = "" if now.kind == price_kind(order) else f"{_WORDS[now.kind]} is "
    if reached:
        return Sentence("price_reached", f"{words}; {called or 'it is '}{_shown(now.price)}: reached.", facts)
    percent = f"{Decimal(away) / 100:.2f}"
    return Sentence(
        "waits_for_price", f"{words}; {called or 'it is '}{_shown(now.price)} now, {percent} % away.", facts
    )


def _unknown(order: Order, around: Around, facts: dict[str, Any]) -> Sentence:
    """A wait for a price that is not known: it is looked at by time."""
    if order.trigger_kind and order.trigger_kind.endswith("trails"):
        text = "It follows the best price of the pair from a distance, and has seen none yet."
        return Sentence("waits_for_first_price", text, facts)
    limit = _limit(order)
    now = around.price
    if limit is not None:
        facts["limit_price"] = _plain(limit)
    if now is not None:
        facts |= {"price_now": shown_price(now.price), "price_now_kind": now.kind, "block": now.block}
    wanted = "" if limit is None else f" of at least {_shown(limit)} {order.token_out} for one {order.token_in}"
    text = (
        f"It waits for a market that fills it within its terms, at a price{wanted}"
        if wanted
        else ("It waits for a market that fills it within its terms")
    )
    seen = f"; {_WORDS[now.kind]} is {_shown(now.price)} now" if now is not None else ""
    return Sentence("waits_for_market", f"{text}{seen}.", facts)


def distance_bps(now: Decimal, wanted: Decimal) -> str:
    """How far a price is from another one, of the first, in basis points to a hundredth, rounded away from reached."""
    with localcontext(prec=60):
        away = abs(wanted / now - 1) * 10_000
        return f"{away.quantize(Decimal('0.01'), ROUND_CEILING).normalize():f}"


def _is_unset(order: Order) -> bool:
    """Of a trailing stop, whose trigger stands at the least price there is until a price is seen."""
    is_trailing = bool(order.trigger_kind) and str(order.trigger_kind).endswith("trails")
    return is_trailing and order.trigger_at_price is not None and order.trigger_at_price <= LEAST_PRICE


def _plain(price: Decimal) -> str:
    """All of its digits."""
    text = f"{price:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _limit(order: Order) -> Decimal | None:
    known = ORDER_TYPES.get(order.order_type)
    return None if known is None else known.limit_price(order)


def _shown(price: Decimal) -> str:
    """For people; the facts have more digits."""
    with localcontext(prec=WORD_DIGITS):
        return grouped(_plain(+price), PRICE_DIGITS)
