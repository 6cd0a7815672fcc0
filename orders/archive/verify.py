"""Compares the files with the database: every order of a file is in the tables or noted as archived, never neither."""

from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from uuid import UUID

from django.db import connection

from orders.archive.files import SUFFIX, ArchiveError, check_file, lines
from orders.archive.records import read_line
from orders.database.recordset import id_array
from orders.models import ArchivedOrder, ArchiveFile

_AT_ONCE = 1_000
_LOST = """
    SELECT v.id FROM unnest(%s::uuid[]) AS v(id)
    WHERE NOT EXISTS (SELECT FROM orders_archivedorder a WHERE a.order_id = v.id)
        AND NOT EXISTS (SELECT FROM orders_order o WHERE o.id = v.id)
"""
_NOTED = "SELECT count(*) FROM orders_archivedorder WHERE order_id = ANY(%s::uuid[]) AND file_id = %s"


def contradictions(folder: Path) -> Iterator[str]:
    """What is not as it must be, in words. Raises: OSError."""
    known = set()
    for file in ArchiveFile.objects.order_by("id"):
        known.add(file.name)
        try:
            check_file(folder / file.name, file.size, file.sha256)
        except ArchiveError as error:
            yield str(error)
            continue
        yield from _of_file(file, folder)
    for path in sorted(folder.glob(f"orders-*{SUFFIX}")):
        if path.name not in known:
            yield f"{path.name} is of an interrupted run or of another database: this one has never deleted its orders"


def _of_file(file: ArchiveFile, folder: Path) -> Iterator[str]:
    count = noted = 0
    left = lines(folder / file.name)
    while some := list(islice(left, _AT_ONCE)):
        ids = id_array(UUID(read_line(line)["order"]["id"]) for line in some)
        count += len(some)
        with connection.cursor() as cursor:
            cursor.execute(_LOST, [ids])
            yield from (f"order {row[0]} of {file.name} is nowhere in the database" for row in cursor.fetchall())
            cursor.execute(_NOTED, [ids, file.pk])
            noted += cursor.fetchone()[0]
    if count != file.order_count:
        yield f"{file.name} holds {count} orders, and {file.order_count} were sealed"
    if (named := ArchivedOrder.objects.filter(file=file).count()) != noted:
        yield f"{named} orders are noted as archived in {file.name}, and it holds {noted} of them"
