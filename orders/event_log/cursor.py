"""Where a reader of an account's events stands, and the opaque text that says so. Pure.

Events are ordered by (xid, id): the writing transaction, then the row. An order's seq may run against that order, where
a transaction that began early wrote late. Such events are pulled forward: the first row of an order in (xid, id) brings
along every event with a lower seq that was not sent yet (`orders/event_log/log.py`).
"""

import re
from typing import NamedTuple

from orders.scalars import ScalarError

# Above every seq: the row itself was sent, with everything it brought along.
WHOLE = 2**31
_CURSOR = re.compile(r"([0-9a-f]{8,32})\.([0-9]{1,18})\.([0-9]{1,18})(?:\.([0-9]{1,9}))?")
# What a caller may send as `after`, for the schema: a cursor, or 0 for the beginning.
CURSOR_PATTERN = r"^(0|[0-9a-f]{8,32}\.[0-9]{1,18}\.[0-9]{1,18}(\.[0-9]{1,9})?)$"


class Position(NamedTuple):
    """After the row (xid, id); `seq` below WHOLE: of those that the row brings along, up to this seq."""

    xid: int
    id: int
    seq: int = WHOLE

    @property
    def row_before(self) -> tuple[int, int]:
        """The (xid, id) after which rows are still wanted."""
        return (self.xid, self.id) if self.seq == WHOLE else (self.xid, self.id - 1)

    def is_ahead_of(self, end: "Position") -> bool:
        """Whether no reader can have been sent this far, when all settled events lie before `end`."""
        return (self.xid, self.id) > (end.xid, end.id)


class Cursor(NamedTuple):
    """A position in the log of one database cluster, its epoch."""

    epoch: str
    position: Position

    def __str__(self) -> str:
        xid, row, seq = self.position
        return f"{self.epoch}.{xid}.{row}" + ("" if seq == WHOLE else f".{seq}")


BEGINNING = Position(0, 0)


def parse_cursor(text: str) -> Cursor | None:
    """The cursor that `str` wrote, or None for any other text."""
    match = _CURSOR.fullmatch(text)
    if match is None:
        return None
    epoch, xid, row, seq = match.groups()
    return Cursor(epoch, Position(int(xid), int(row), WHOLE if seq is None else int(seq)))


def read_cursor(text: str) -> Cursor | None:
    """A cursor as it was sent, None for 0, the beginning. Raises: ScalarError."""
    cursor = parse_cursor(text)
    if cursor is None and text != "0":
        raise ScalarError("must be a cursor as it was sent, or 0")
    return cursor
