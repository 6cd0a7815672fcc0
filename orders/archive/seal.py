"""Writes the ended orders of a month to a file, and then says in the database that the file is there.

Nothing is locked and no transaction is open while it writes. What changes meanwhile is noticed before it is deleted.
"""

from collections.abc import Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

from django.db import connection, transaction

from orders.archive.files import ArchiveError, Draft
from orders.archive.months import after, lowest_id
from orders.archive.records import Record, final_ids, next_ids, read_line, read_records
from orders.audit.record import Actor, Entry, record
from orders.database.locks import ARCHIVE
from orders.database.recordset import recordset
from orders.models import ArchiveFile

# Orders that one statement reads, and of one member of the file.
READ_AT_ONCE = 500


class _Marks:
    """How far what is in the file reaches: of each account's log, and of each wallet's nonces."""

    def __init__(self) -> None:
        self.events: dict[int, tuple[int, int]] = {}
        self.below: dict[int, int] = {}
        self.event_count = 0

    def add(self, read: Sequence[Record]) -> None:
        for item in read:
            content = read_line(item.text)
            account_id = content["order"]["account_id"]
            places = [(int(event["xid"]), event["id"]) for event in content["events"]]
            self.events[account_id] = max([*places, self.events.get(account_id, (0, 0))])
            self.event_count += len(places)
            for submission in content["submissions"]:
                wallet_id = submission["wallet_id"]
                self.below[wallet_id] = max(submission["nonce"] + 1, self.below.get(wallet_id, 0))


def seal_month(month: date, ended_before: datetime, folder: Path, actor: Actor) -> ArchiveFile | None:
    """Write what of the month ended before a time; None where there is nothing. Raises: ArchiveError, OSError."""
    newest = newest_file()
    draft, marks = Draft(folder, month), _Marks()
    try:
        last, below = UUID(int=lowest_id(month).int - 1), lowest_id(after(month))
        while ids := next_ids(last, below, READ_AT_ONCE):
            last = ids[-1]
            if read := read_records(final_ids(ids, ended_before)):
                draft.add(read)
                marks.add(read)
        if not draft.orders:
            return None
        name = draft.finish()
    finally:
        draft.drop()
    with transaction.atomic():
        return _seal(name, month, draft, marks, newest, actor)


def newest_file() -> int:
    """The last that was sealed; 0 for none."""
    return ArchiveFile.objects.order_by("-id").values_list("id", flat=True).first() or 0


def _seal(name: str, month: date, draft: Draft, marks: _Marks, newest: int, actor: Actor) -> ArchiveFile:
    """From the commit on, cursors before the file's events have a gap, and its orders may be deleted."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [ARCHIVE])
        if newest_file() != newest:
            raise ArchiveError(f"another run has archived meanwhile: {name} holds nothing that it has not; run again")
        cursor.execute(_RAISE_WALLETS, [recordset({"id": key, "below": below} for key, below in marks.below.items())])
        events = ({"id": key, "xid": str(xid), "event": event} for key, (xid, event) in marks.events.items())
        cursor.execute(_RAISE_EVENTS, [recordset(events)])
    file = ArchiveFile.objects.create(
        name=name,
        month=month,
        order_count=draft.orders,
        event_count=marks.event_count,
        size=draft.size,
        sha256=draft.sha256,
    )
    content: dict[str, Any] = {"orders": draft.orders, "events": marks.event_count, "sha256": draft.sha256}
    record(actor, [Entry("archive.seal", f"archive:{name}", after=content)])
    return file


# Before anything is deleted: what reads with these marks finds the rows still there, and not the other way about.
_RAISE_WALLETS = """
    WITH v AS (
        SELECT * FROM jsonb_to_recordset(%s::jsonb) AS v(id bigint, below bigint)
    ), locked AS MATERIALIZED (
        SELECT id FROM orders_wallet WHERE id IN (SELECT id FROM v) ORDER BY id FOR NO KEY UPDATE
    )
    UPDATE orders_wallet w SET archived_below = v.below
    FROM v JOIN locked USING (id) WHERE w.id = v.id AND w.archived_below < v.below
"""
_RAISE_EVENTS = """
    INSERT INTO orders_archivedevents AS a (account_id, xid, event_id)
    SELECT id, xid::xid8, event FROM jsonb_to_recordset(%s::jsonb) AS v(id bigint, xid text, event bigint) ORDER BY id
    ON CONFLICT (account_id) DO UPDATE SET xid = excluded.xid, event_id = excluded.event_id
    WHERE (a.xid, a.event_id) < (excluded.xid, excluded.event_id)
"""
