"""Where an account's log begins, part of which is in archives: a reader that stands before that has missed events."""

from django.db import connection

from orders.event_log.cursor import BEGINNING, Position


class EventsArchived(Exception):
    """Events after a position are in the log no more; from `oldest` on none is missing."""

    def __init__(self, oldest: Position) -> None:
        super().__init__("events after this cursor have been archived")
        self.oldest = oldest


def oldest_position(account_id: int) -> Position:
    """The first position after which nothing is archived."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT xid::text::bigint, event_id FROM orders_archivedevents WHERE account_id = %s", [account_id]
        )
        row = cursor.fetchone()
    return BEGINNING if row is None else Position(*row)


def require_kept(account_id: int, after: Position) -> None:
    """Asked after the rows were read, it tells for them too: the mark rises before anything is deleted.

    Raises: EventsArchived.
    """
    oldest = oldest_position(account_id)
    if after.row_before < oldest[:2]:
        raise EventsArchived(oldest)
