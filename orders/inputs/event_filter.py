"""What account streams and webhooks are narrowed to: pair, status, tag, as in the list of orders. Pure."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from orders.event_log.log import Entry
from orders.inputs.filters import read_pair, read_status, read_tag
from orders.inputs.query import Query
from orders.models import Order

FILTER_NAMES = frozenset({"pair", "status", "tag"})


@dataclass(frozen=True, slots=True)
class StreamFilter:
    """Each of them empty for everything."""

    pair: tuple[str, str] | None = None
    statuses: frozenset[str] = frozenset()
    tag: tuple[str, str | None] | None = None

    def fits(self, entry: Entry) -> bool:
        """Whether the event is wanted."""
        row = entry.row
        return self._is_of(row.token_in, row.token_out, row.tags, entry.event.status)

    def shows(self, order: Order) -> bool:
        """Whether the order is wanted in a snapshot."""
        return self._is_of(order.token_in, order.token_out, order.terms.tags, order.status)

    def _is_of(self, token_in: str, token_out: str, tags: Mapping[str, str], status: str) -> bool:
        if self.pair is not None and self.pair != (token_in, token_out):
            return False
        if self.statuses and status not in self.statuses:
            return False
        if self.tag is None:
            return True
        name, value = self.tag
        return name in tags and value in {None, tags[name]}


def read_filter(query: Query) -> StreamFilter:
    """From query parameters; whether the tokens of a pair exist is not asked here. Raises: ProblemError."""
    pair = query.read("pair", read_pair)
    return StreamFilter(pair, frozenset(query.read_all("status", read_status)), query.read("tag", read_tag))


def stored_filter(statuses: Collection[str], pair: str | None, tag: str | None) -> StreamFilter:
    """From the texts of a webhook's row, which were read so when they were stored."""
    return StreamFilter(
        None if pair is None else read_pair(pair), frozenset(statuses), None if tag is None else read_tag(tag)
    )
