"""One run: first what an earlier one has left half done, then each month up to the one that is named."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import NamedTuple

from orders.archive.files import hold_folder
from orders.archive.months import after, begin, month_of
from orders.archive.move import empty, unfinished_files
from orders.archive.records import oldest_id
from orders.archive.seal import seal_month
from orders.audit.record import Actor
from orders.models import ArchiveFile


class Done(NamedTuple):
    """A file, and how many of its orders have left the tables now."""

    file: ArchiveFile
    moved: int


def archive(before: date, folder: Path, actor: Actor) -> Iterator[Done]:
    """Move what ended before a month begins. Raises: ArchiveError, OSError.

    Ended at any point and run again, it goes on. An order belongs to the month in which it was placed.
    """
    with hold_folder(folder):
        for left in unfinished_files():
            yield Done(left, empty(left, folder))
        oldest = oldest_id()
        month = before if oldest is None else month_of(oldest)
        while month < before:
            file = seal_month(month, begin(before), folder, actor)
            if file is not None:
                yield Done(file, empty(file, folder))
            month = after(month)
