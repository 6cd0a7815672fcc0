"""Writes the audit log, in the transaction of the change that it tells of."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from django.db import connection

from dex import SignedTransaction
from orders.database.recordset import recordset


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts by hand or by key, for the record: name, address, and the reason they gave."""

    name: str
    address: str = ""
    reason: str = ""
    is_admin: bool = False


class Entry(NamedTuple):
    """One change: `subject` is `kind:identity`, `before` and `after` are what of it changed."""

    action: str
    subject: str
    before: Any = None
    after: Any = None
    account_id: int | None = None


# As a CTE or alone, with the rows as its parameter.
INSERT_ENTRIES = """
    INSERT INTO orders_auditentry (actor, address, action, subject, account_id, reason, before, after)
    SELECT actor, address, action, subject, account_id, reason, before, after
    FROM jsonb_to_recordset(%(entries)s::jsonb)
        AS v(n int, actor text, address text, action text, subject text, account_id bigint, reason text,
             before jsonb, after jsonb)
    ORDER BY n"""


def record(actor: Actor, entries: Sequence[Entry]) -> None:
    """Append entries, in their order. Call last in the transaction that makes the changes.

    The chain is locked until the commit: a transaction that waits for row locks after this holds up all other writers.
    """
    if entries:
        with connection.cursor() as cursor:
            cursor.execute(INSERT_ENTRIES, {"entries": recordset(_rows(actor, entries))})


def record_signatures(signed: Iterable[SignedTransaction]) -> None:
    """One entry for a batch of signatures, with the hash of each by chain and wallet. Call last in its transaction."""
    if rows := signature_entries(signed):
        with connection.cursor() as cursor:
            cursor.execute(INSERT_ENTRIES, {"entries": recordset(rows)})


def signature_entries(signed: Iterable[SignedTransaction]) -> list[dict[str, Any]]:
    """The rows of that entry, for a statement that holds `INSERT_ENTRIES`; none where nothing was signed."""
    hashes: dict[str, list[str]] = defaultdict(list)
    chain_ids = set()
    for transaction in signed:
        hashes[transaction.wallet].append(transaction.tx_hash)
        chain_ids.add(transaction.chain_id)
    if not hashes:
        return []
    subject = "chain:" + ",".join(sorted(chain_ids))
    return _rows(Actor("signer"), [Entry("transaction.sign", subject, after=hashes)])


def _rows(actor: Actor, entries: Sequence[Entry]) -> list[dict[str, Any]]:
    return [
        {
            "n": i,
            "actor": actor.name,
            "address": actor.address,
            "reason": actor.reason,
            "action": entry.action,
            "subject": entry.subject,
            "before": entry.before,
            "after": entry.after,
            "account_id": entry.account_id,
        }
        for i, entry in enumerate(entries)
    ]
