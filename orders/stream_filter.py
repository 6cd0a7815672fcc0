"""What an account stream is narrowed to: pair, status, tag, as in the list of orders. Pure."""

from collections.abc import Callable
from dataclasses import dataclass

from orders.event_log import Entry
from orders.models import Order
from orders.problems import Problem
from orders.socket_access import Refused
from orders.states import OrderStatus

MALFORMED = 4400
MAX_LENGTH = 130


@dataclass(frozen=True, slots=True)
class StreamFilter:
    """Each of them empty for everything."""

    pair: tuple[str, str] | None = None
    statuses: frozenset[str] = frozenset()
    tag: tuple[str, str | None] | None = None

    def fits(self, entry: Entry) -> bool:
        """Whether the event is wanted."""
        row = entry.row
        return self._is_of(row.token_in, row.token_out, dict(row.tags), entry.event.status)

    def shows(self, order: Order) -> bool:
        """Whether the order is wanted in a snapshot."""
        return self._is_of(order.token_in, order.token_out, order.terms.get("tags", {}), order.status)

    def _is_of(self, token_in: str, token_out: str, tags: dict[str, str], status: str) -> bool:
        if self.pair is not None and self.pair != (token_in, token_out):
            return False
        if self.statuses and status not in self.statuses:
            return False
        if self.tag is None:
            return True
        name, value = self.tag
        return name in tags and value in {None, tags[name]}


def read_filter(query: Callable[[str], list[str]]) -> StreamFilter:
    """From query parameters. Raises: Refused 4400."""
    pairs, tags, statuses = query("pair")[-1:], query("tag")[-1:], frozenset(query("status"))
    if any(not 0 < len(text) <= MAX_LENGTH for text in (*pairs, *tags)):
        raise _malformed("pair and tag have 1 to 130 characters")
    if unknown := statuses - set(OrderStatus):
        raise _malformed(f"there is no status {min(unknown)[:20]!r}")
    pair = tag = None
    for text in pairs:
        token_in, slash, token_out = text.partition("/")
        if not slash:
            raise _malformed("a pair is two tokens: SOL/USDC")
        pair = (token_in, token_out)
    for text in tags:
        name, colon, value = text.partition(":")
        tag = (name, value if colon else None)
    return StreamFilter(pair, statuses, tag)


def _malformed(detail: str) -> Refused:
    return Refused(MALFORMED, Problem("invalid", detail))
