"""Proves the audit log: every row is recomputed here, apart from the trigger that chained it."""

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from django.db import connection

ROWS_PER_READ = 1000


@dataclass(frozen=True, slots=True)
class Verdict:
    """How many rows hold, the hash of the last of them, and what is wrong with the first that does not."""

    count: int
    head: str
    broken_id: int | None = None
    detail: str = ""
    # Whether the hash that was asked for is that of one of the rows.
    has_known_head: bool = True


class _Row(NamedTuple):
    id: int
    content: tuple[str, ...]
    previous_hash: bytes
    hash: bytes


def canonical(content: Sequence[str]) -> bytes:
    """The bytes of a row that its hash covers: a JSON list of its columns as text."""
    return json.dumps(list(content), ensure_ascii=False).encode()


def verify(known_head: str = "") -> Verdict:
    """Recompute the chain from its first row; `known_head` is a hash noted earlier, which must still be in it.

    A chain alone cannot tell that its newest rows were cut off; a head that was noted elsewhere can.
    """
    count, head, is_known = 0, b"", not known_head
    for row in _rows():
        detail = _fault(row, count, head)
        if detail:
            return Verdict(count, head.hex(), count + 1, detail, is_known)
        count, head = row.id, row.hash
        is_known = is_known or head.hex() == known_head
    return Verdict(count, head.hex(), has_known_head=is_known)


def verify_between(first: int, last: int) -> Verdict:
    """Recompute the entries from `first` to `last`, both included, on the stored hash of the one before them.

    What is before them is not proved, and neither is that none has followed. `count` is the last row that holds.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT hash FROM orders_auditentry WHERE id = %s", [first - 1])
        before = cursor.fetchone()
    count, head = first - 1, bytes(before[0]) if before else b""
    for row in _rows(first - 1, last):
        if detail := _fault(row, count, head):
            return Verdict(count, head.hex(), count + 1, detail)
        count, head = row.id, row.hash
    if count < last:
        return Verdict(count, head.hex(), count + 1, f"row {count + 1} is missing: row {count} is the last one there")
    return Verdict(count, head.hex())


def _fault(row: _Row, count: int, head: bytes) -> str:
    if row.id != count + 1:
        return f"row {count + 1} is missing: row {row.id} follows row {count}"
    if row.previous_hash != head:
        return f"row {row.id} does not follow row {count}: it names another hash before it"
    if hashlib.sha256(head + canonical(row.content)).digest() != row.hash:
        return f"row {row.id} was changed: its content does not have its hash"
    return ""


def _rows(after: int = -(2**63), last: int = 2**63 - 1) -> Iterator[_Row]:
    while True:
        with connection.cursor() as cursor:
            cursor.execute(
                """
                SELECT e.id, e.id::text, to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
                       actor, address, action, subject, coalesce(account_id::text, ''), reason,
                       coalesce(before::text, ''), coalesce(after::text, ''),
                       coalesce(previous_hash, ''::bytea), coalesce(hash, ''::bytea)
                FROM orders_auditentry e WHERE e.id > %s AND e.id <= %s ORDER BY e.id LIMIT %s
                """,
                [after, last, ROWS_PER_READ],
            )
            rows = cursor.fetchall()
        for row_id, *content, previous_hash, row_hash in rows:
            yield _Row(row_id, tuple(text or "" for text in content), bytes(previous_hash), bytes(row_hash))
        if len(rows) < ROWS_PER_READ:
            return
        after = rows[-1][0]
