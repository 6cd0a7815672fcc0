"""An explained order as lines for a terminal, and which order `manage.py seed` points to."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from orders.cli.client import EngineClient, ServerError
from orders.cli.render import Row
from orders.cli.short_ids import SHOWN, full_id
from orders.scalars import CLIENT_ORDER_ID

EXPLAINED_HELP = "its id, digits of its beginning or end, or its client_order_id"
_HEADINGS = {
    "waiting": "What it waits for",
    "ending": "How it ended",
    "route": "Why this route",
    "attempts": "What it met",
    "next": "What next",
}


def explained_id(client: EngineClient, text: str) -> str:
    """The id that the text stands for. A client_order_id is one as a whole, so it goes before a part of an id.

    Raises: ServerError where it names none, or several.
    """
    if re.fullmatch(CLIENT_ORDER_ID, text):
        try:
            return str(client.call("GET", f"orders/by-client-id/{text}")["id"])
        except ServerError:
            pass  # no such client_order_id; where the server is away, the next call says so
    return full_id(client, text)


def explain_lines(explained: Mapping[str, Any]) -> Iterator[str]:
    """The summary, then each section that has something to say."""
    yield explained["summary"]["text"]
    for name, heading in _HEADINGS.items():
        sentences = explained[name]
        if sentences:
            yield ""
            yield heading
            yield from (f"  {sentence['text']}" for sentence in sentences)


def hint(rows: Sequence[Row], *, as_json: bool = False) -> str:
    """A line on what to look at next, empty among JSON: a failed order has most to explain, then one that waits."""
    if as_json or not rows:
        return ""
    failed = [row for row in rows if row.status == "FAILED"]
    waiting = [row for row in rows if row.status != "CONFIRMED"]
    order_id = str([*failed, *waiting, *rows][0].order["id"])
    return f"next: manage.py orders explain {order_id[-SHOWN:]}\n"
