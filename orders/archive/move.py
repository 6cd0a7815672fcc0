"""Deletes what a sealed file holds, some orders at a time. Ended anywhere and begun again, it goes on where it was.

Each step is a transaction: it locks the orders that are not locked, compares their rows with the file, notes them as
archived, and deletes them. An order that has changed since stays, for a later file.
"""

import time
from collections.abc import Iterator, Mapping
from itertools import groupby
from pathlib import Path
from uuid import UUID

from django.db import connection, transaction

from orders.archive.files import check_file, lines
from orders.archive.records import read_line, read_records
from orders.database.recordset import id_array
from orders.models import ArchiveFile

# Orders of one step: what is written meanwhile holds back account streams, and that must not show.
AT_ONCE = 100

_NOTE = """
    INSERT INTO orders_archivedorder (order_id, account_id, client_order_id, file_id)
    SELECT id, account_id, client_order_id, %s FROM orders_order WHERE id = ANY(%s::uuid[])
"""
# What refers to a row goes before it. A label is found by the order, an order by its key.
_DELETE = (
    "DELETE FROM orders_orderlabel WHERE order_id = ANY(%s::uuid[])",
    "DELETE FROM orders_fill WHERE order_id = ANY(%s::uuid[])",
    "DELETE FROM orders_orderevent WHERE order_id = ANY(%s::uuid[])",
    "DELETE FROM orders_signedtransaction WHERE submission_id = ANY(ARRAY("
    "SELECT id FROM orders_submission WHERE order_id = ANY(%s::uuid[])))",
    "DELETE FROM orders_submission WHERE order_id = ANY(%s::uuid[])",
    "DELETE FROM orders_order WHERE id = ANY(%s::uuid[])",
)


def unfinished_files() -> list[ArchiveFile]:
    """Those of which rows may be left in the tables, oldest first."""
    return list(ArchiveFile.objects.filter(emptied_at__isnull=True).order_by("id"))


def empty(file: ArchiveFile, folder: Path) -> int:
    """Delete what the file holds; how many orders went. Raises: ArchiveError where it is not as sealed, OSError."""
    path = folder / file.name
    check_file(path, file.size, file.sha256)
    moved, left = 0, groupby(lines(path), _family)
    while some := _next_families(left):
        started = time.monotonic()
        moved += move({UUID(read_line(line)["order"]["id"]): line for line in some}, file.pk)
        # As long as it took: others have the database for half of the time at least.
        time.sleep(time.monotonic() - started)
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE orders_archivefile SET emptied_at = now() WHERE id = %s AND emptied_at IS NULL", [file.pk]
        )
    return moved


def _family(line: str) -> str:
    """The id that a parent and its children share, whose lines follow each other: they leave in one transaction."""
    order = read_line(line)["order"]
    return str(order.get("parent_id") or order["id"])


def _next_families(left: Iterator[tuple[str, Iterator[str]]]) -> list[str]:
    """Lines of whole families, as few as there can be from `AT_ONCE` on."""
    some: list[str] = []
    for _, family in left:
        some += family
        if len(some) >= AT_ONCE:
            break
    return some


def move(texts: Mapping[UUID, str], file_id: int) -> int:
    """Delete those of the orders whose rows are what the file holds; how many."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            "SELECT id FROM orders_order WHERE id = ANY(%s::uuid[]) ORDER BY id FOR UPDATE SKIP LOCKED",
            [id_array(texts)],
        )
        locked = [row[0] for row in cursor.fetchall()]
        alike = {item.order_id for item in read_records(locked) if texts[item.order_id] == item.text}
        # Where one of a family stays, all of it does.
        staying = {_family(text) for order_id, text in texts.items() if order_id not in alike}
        same = id_array(order_id for order_id in alike if _family(texts[order_id]) not in staying)
        cursor.execute(_NOTE, [file_id, same])
        count: int = cursor.rowcount
        for statement in _DELETE:
            cursor.execute(statement, [same])
    return count
