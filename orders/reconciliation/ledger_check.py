"""Checks the ledger every other minute: what the audits find becomes an incident in the audit log, once.

One look costs the same however many orders there are. It sees the live orders, those placed last, and the next slice
of all, round and round; and the counts of every account. It repairs nothing. It compares rows with rows and asks no
chain, so it sees the orders of all chains: with several engines on one database, any of them finds what is wrong.
"""

import logging
from uuid import UUID

from django.db import connection, transaction

from orders.audit.record import Actor, Entry, record
from orders.database.locks import EXAMINE
from orders.models import AuditEntry
from orders.models.audit import SIGNATURE
from orders.reconciliation.orders import FIRST_ID, contradictions, ids_after, newest_ids, open_ids
from orders.risk.account_limits import FeeMiscount, Miscount, miscounted
from orders.risk.pause import Target, pause

logger = logging.getLogger(__name__)

# Orders of each kind per look. Of 60,000 orders 5,000 took 1.4 s with eight processes waiting for two cores.
SLICE = 2_000
# A bug may spoil every order; the log needs to hear of it, not of each of them.
MAX_REPORTED = 100
NAME = "examine"


def check_ledger(slice_size: int = SLICE) -> int:
    """Look once; how many incidents are new."""
    position = _position()
    round_ids = ids_after(position, slice_size)
    found = set()
    for ids in (open_ids(slice_size), newest_ids(slice_size), round_ids):
        found.update(contradictions(ids))
    entries = [Entry("incident.order", f"order:{order_id}", after={"detail": detail}) for order_id, detail in found]
    count = _report(sorted(entries, key=lambda entry: entry.subject))
    count += sum(_report_miscount(wrong) for wrong in miscounted())
    _move_on(round_ids[-1] if len(round_ids) == slice_size else None)
    return count


def _report(entries: list[Entry]) -> int:
    if not entries:
        return 0
    with transaction.atomic():
        new = _new(entries)[:MAX_REPORTED]
        for entry in new:
            logger.error("ledger invariant violated, %s: %s", entry.subject, entry.after["detail"])
        record(Actor("engine", reason="ledger invariant violated"), new)
    return len(new)


def _report_miscount(wrong: Miscount | FeeMiscount) -> int:
    """A wrong count cannot hold a limit: the account waits for an operator."""
    entry = Entry("incident.limits", f"account:{wrong.name}", after=wrong.off, account_id=wrong.account_id)
    with transaction.atomic():
        if not _new([entry]):
            return 0
        actor = Actor("engine", reason=str(wrong), is_admin=True)
        pause(Target("account", wrong.name, account_id=wrong.account_id), actor)
        record(actor, [entry])
    logger.error("ledger invariant violated, trading of the account is paused: %s", wrong)
    return 1


def _new(entries: list[Entry]) -> list[Entry]:
    """Those not reported yet; no other process reports them until the transaction ends."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [EXAMINE])
    acts = AuditEntry.objects.exclude(action=SIGNATURE)
    reported = acts.filter(subject__any_of=[entry.subject for entry in entries])
    known = list(reported.values_list("action", "subject", "after"))
    return [entry for entry in entries if (entry.action, entry.subject, entry.after) not in known]


def _position() -> UUID:
    with connection.cursor() as cursor:
        cursor.execute("SELECT position FROM orders_heartbeat WHERE name = %s", [NAME])
        row = cursor.fetchone()
    return row[0] if row and row[0] else FIRST_ID


def _move_on(position: UUID | None) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO orders_heartbeat (name, position) VALUES (%s, %s)"
            " ON CONFLICT (name) DO UPDATE SET at = now(), position = excluded.position",
            [NAME, position],
        )
