"""The sockets that follow orders or accounts, as the feed sees them."""

import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol
from uuid import UUID

from orders.event_log.cursor import Position
from orders.event_log.event import EventMessage
from orders.event_log.log import Entry


class OrderFollower(Protocol):
    """A socket that follows one order."""

    @property
    def account_id(self) -> int: ...
    @property
    def order_id(self) -> UUID: ...

    def offer(self, event: EventMessage) -> None:
        """Take an event that may be old, next or too far ahead. Must not wait."""
        ...

    def restart(self) -> None:
        """The database is another one: what the socket knows of it is void."""
        ...


class StreamFollower(Protocol):
    """A socket that follows all events of an account."""

    @property
    def account_id(self) -> int: ...

    def offer_batch(self, start: Position, entries: Sequence[Entry], end: Position) -> None:
        """Take everything between two positions. Must not wait."""
        ...

    def restart(self) -> None:
        """The database is another one: what the socket knows of it is void."""
        ...


@dataclass
class FollowedAccount:
    """How far an account was read, and the sockets that follow it."""

    account_id: int
    position: Position
    # Beyond the position, rows that are not settled yet: up to here those who follow one order have got them.
    newest: tuple[int, int] = (0, 0)
    quiet_since: float = field(default_factory=time.monotonic)
    orders: dict[UUID, set[OrderFollower]] = field(default_factory=lambda: defaultdict(set))
    streams: set[StreamFollower] = field(default_factory=set)

    @property
    def is_followed(self) -> bool:
        """Whether any socket is left."""
        return bool(self.orders or self.streams)

    def offer(self, event: EventMessage) -> None:
        """Hand an event to those who follow its order."""
        for follower in tuple(self.orders.get(event.order_id, ())):
            follower.offer(event)

    def wanted(self) -> dict[str, Any]:
        """What to read next, as `Tail.rows` takes it; xid8 may be too large for a JSON number."""
        newest_xid, newest_id = max(self.newest, self.position[:2])
        return {
            "account_id": self.account_id,
            "xid": str(self.position.xid),
            "id": self.position.id,
            "new_xid": str(newest_xid),
            "new_id": newest_id,
        }
