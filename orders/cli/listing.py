"""One order as a line of `orders list`: when, which, what was given and got, and how it stands."""

from datetime import datetime
from typing import Any

from orders.amounts import grouped
from orders.cli.short_ids import short

LIST_HEADINGS = ["placed (UTC)", "order", "gives", "for", "got", "status", "network fee"]
LIST_NUMBERS = frozenset({2, 4})
# How many of the last ones a terminal has no room for.
LIST_LONG = 1
NOTHING = "-"


def list_row(order: dict[str, Any], is_short: bool) -> list[str]:
    """The cells; for programs the id in full, for people its end, and no more than a terminal has room for."""
    at = datetime.fromisoformat(order["created_at"])
    gives = order["amount"] if order["side"] == "exact_in" else order["amount_in"]
    is_filled = order["status"] == "CONFIRMED"
    ended = f" {order['outcome']}" if order["outcome"] else ""
    waits = f" (waits for {order['waiting_for']})" if order.get("waiting_for") else ""
    paid = order["network_fee_paid"]
    cells = [
        f"{at:%Y-%m-%d %H:%M:%S}",
        short(order["id"]) if is_short else order["id"],
        f"{NOTHING if gives is None else grouped(gives)} {order['token_in']}",
        order["token_out"] if order["side"] == "exact_in" else f"{grouped(order['amount'])} {order['token_out']}",
        f"{grouped(order['amount_out'])} {order['token_out']}" if is_filled else NOTHING,
        f"{order['status']}{ended}{waits}",
        f"{grouped(paid['amount'])} {paid['token']}" if paid else NOTHING,
    ]
    return cells[:-LIST_LONG] if is_short else cells


def list_headings(is_short: bool) -> list[str]:
    """The heading of each cell."""
    return LIST_HEADINGS[:-LIST_LONG] if is_short else LIST_HEADINGS
