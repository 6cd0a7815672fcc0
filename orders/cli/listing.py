"""One order as a line of `orders list`: when, which, what was given and got, and how it stands."""

from datetime import datetime
from typing import Any

from orders.amounts import grouped
from orders.cli.short_ids import short

LIST_HEADINGS = ["placed (UTC)", "order", "gives", "for", "got", "status"]
LIST_NUMBERS = frozenset({2, 4})
NOTHING = "-"


def list_row(order: dict[str, Any], is_short: bool) -> list[str]:
    """The cells; the id in full for programs, its end for people."""
    at = datetime.fromisoformat(order["created_at"])
    gives = order["amount"] if order["side"] == "exact_in" else order["amount_in"]
    is_filled = order["status"] == "CONFIRMED"
    ended = f" {order['outcome']}" if order["outcome"] else ""
    waits = f" (waits for {order['waiting_for']})" if order.get("waiting_for") else ""
    return [
        f"{at:%Y-%m-%d %H:%M:%S}",
        short(order["id"]) if is_short else order["id"],
        f"{NOTHING if gives is None else grouped(gives)} {order['token_in']}",
        order["token_out"] if order["side"] == "exact_in" else f"{grouped(order['amount'])} {order['token_out']}",
        f"{grouped(order['amount_out'])} {order['token_out']}" if is_filled else NOTHING,
        f"{order['status']}{ended}{waits}",
    ]
