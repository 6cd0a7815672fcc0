"""Ids as people copy them from a table: the beginning or the end of one, as long as it names one order."""

from uuid import UUID

from orders.cli.client import EngineClient, ServerError

# The newest orders among which a short id is looked for.
SEARCHED = 1_000
PAGE = 100
LEAST = 4
SHOWN = 12

ID_HELP = "its id, or digits of its beginning or end"


def short(order_id: str) -> str:
    """The end of an id, which is as good as the whole: the beginnings of neighbours are alike."""
    return f"…{order_id[-SHOWN:]}"


def full_id(client: EngineClient, text: str) -> str:
    """The id that the text is, begins or ends. Raises: ServerError where it names none, or several."""
    try:
        return str(UUID(text))
    except ValueError:
        pass
    part = text.lstrip("….").lower()
    if len(part) < LEAST or set(part) - set("0123456789abcdef-"):
        raise ServerError(f"{text!r} is no order id, nor {LEAST} or more digits of the beginning or end of one")
    found = [order_id for order_id in _newest(client) if order_id.startswith(part) or order_id.endswith(part)]
    if not found:
        raise ServerError(f"none of your newest {SEARCHED:,} orders has an id that begins or ends with {part}")
    if len(found) > 1:
        raise ServerError(f"{part} names {len(found)} orders; give more digits: {', '.join(found[:3])}")
    try:
        return str(UUID(found[0]))  # files are named by it
    except ValueError:
        raise ServerError(f"the server names an order {found[0]!r}, which is no id") from None


def _newest(client: EngineClient) -> list[str]:
    ids: list[str] = []
    path: str | None = f"orders?limit={PAGE}"
    while path and len(ids) < SEARCHED:
        page = client.call("GET", path)
        ids += [order["id"] for order in page["results"]]
        path = page["next"] and f"orders?{page['next'].partition('?')[2]}"
    return list(dict.fromkeys(ids[:SEARCHED]))  # new orders move the pages on
