"""What an order that waits waits for, in words for a terminal."""

from decimal import Decimal
from typing import Any

from orders.amounts import grouped
from orders.cli.client import EngineClient, ServerError

# What only the market, the clock or another order ends: a person does not watch for that.
LONG = frozenset({"price", "pool", "schedule", "children", "sibling"})


def waits_long(order: dict[str, Any]) -> bool:
    """Whether the order waits for something that may take long."""
    return order["waiting_for"] in LONG


def waiting_words(client: EngineClient, order: dict[str, Any]) -> str:
    """What it waits for, and how far away that is where the market says so."""
    words = f"waits for {order['waiting_for']}"
    wanted = order.get("limit_price") or order.get("trigger_price")
    if order["waiting_for"] != "price" or not wanted:
        return words
    body = {name: order[name] for name in ("token_in", "token_out", "amount", "side")}
    try:
        now = Decimal(client.call("POST", "quotes", body | {"guards": {"max_price_impact_bps": None}})["price"])
    except ServerError:
        return words  # no route of that size now
    if order["type"] == "limit" and now >= Decimal(wanted):
        return f"{words}, now {grouped(f'{now:.6g}')} (reached)"
    away = abs(Decimal(wanted) / now - 1) * 100
    return f"{words}, now {grouped(f'{now:.6g}')} ({away:.1f} % away)"
