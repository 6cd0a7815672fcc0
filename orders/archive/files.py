"""An archive file: lines of JSON in gzip members of some hundred orders, and a manifest that tells where each begins.

`zcat` reads it whole, and one order is found without reading the rest. A file is on disk for good before anybody
learns its name: written under another one, flushed, renamed, and its folder flushed.
"""

import fcntl
import gzip
import hashlib
import json
import os
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from uuid import UUID

from orders.archive.records import Record

SUFFIX, MANIFEST_SUFFIX, DRAFT_SUFFIX = ".jsonl.gz", ".json", ".part"
FORMAT = 1
_READ_BYTES = 1 << 20


class ArchiveError(Exception):
    """A file or a folder that is not what it must be; the text says what to do."""


class Draft:
    """A file while it is written. Nothing takes it for an archive before `finish`."""

    def __init__(self, folder: Path, month: date) -> None:
        """Raises: OSError."""
        self._folder, self._month = folder, month
        self._path = folder / f".orders-{month:%Y-%m}{DRAFT_SUFFIX}"
        # It holds amounts and signed bytes: readable by its owner alone.
        descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        self._file = os.fdopen(descriptor, "wb")
        self._digest = hashlib.sha256()
        self._members: list[tuple[str, int]] = []
        self.size = self.orders = 0

    def add(self, records: Sequence[Record]) -> None:
        """Append a member, of orders with ids above all before. Raises: OSError."""
        text = "".join(f"{record.text}\n" for record in records)
        member = gzip.compress(text.encode(), compresslevel=6, mtime=0)
        self._members.append((str(records[0].order_id), self.size))
        self._file.write(member)
        self._digest.update(member)
        self.size += len(member)
        self.orders += len(records)

    @property
    def sha256(self) -> str:
        """Of what was written so far."""
        return self._digest.hexdigest()

    def finish(self) -> str:
        """Put it on disk for good, its manifest first; the name. Another file cannot have it. Raises: OSError."""
        name = f"orders-{self._month:%Y-%m}-{self.sha256[:16]}{SUFFIX}"
        manifest = {
            "format": FORMAT,
            "file": name,
            "month": f"{self._month:%Y-%m}",
            "orders": self.orders,
            "bytes": self.size,
            "sha256": self.sha256,
            "members": self._members,
        }
        path = self._folder / name
        draft = self._path.with_suffix(f"{MANIFEST_SUFFIX}{DRAFT_SUFFIX}")
        draft.touch(0o600)
        with draft.open("w", encoding="utf-8") as file:
            json.dump(manifest, file)
            _flush(file.fileno())
        draft.replace(_manifest_path(path))
        with self._file:
            _flush(self._file.fileno())
        self._path.replace(path)
        folder = os.open(self._folder, os.O_RDONLY)
        try:
            _flush(folder)
        finally:
            os.close(folder)
        return name

    def drop(self) -> None:
        """Leave nothing behind, after an error or where there is nothing to keep."""
        self._file.close()
        self._path.unlink(missing_ok=True)


def _flush(descriptor: int) -> None:
    os.fsync(descriptor)


def require_folder(folder: Path) -> None:
    """Raises: ArchiveError."""
    if not folder.is_dir():
        raise ArchiveError(f"{folder} is no folder: make it, on a disk that is backed up, or name the one of before")


@contextmanager
def hold_folder(folder: Path) -> Iterator[None]:
    """Alone in it, without what runs that were killed have left of drafts. Raises: ArchiveError, OSError."""
    require_folder(folder)
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise ArchiveError(f"another run works in {folder}: wait for its end") from error
        for draft in folder.glob(f".orders-*{DRAFT_SUFFIX}"):
            draft.unlink()
        yield
    finally:
        os.close(descriptor)


def check_file(path: Path, size: int, sha256: str) -> None:
    """Read all of it. Raises: ArchiveError where it is not what was sealed, OSError."""
    if not path.is_file():
        raise ArchiveError(f"{path.name} is not in {path.parent}: name the folder that holds it, or bring back a copy")
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_READ_BYTES):
            digest.update(block)
    if path.stat().st_size != size or digest.hexdigest() != sha256:
        raise ArchiveError(f"{path} is not what was sealed ({size} bytes, SHA-256 {sha256}): bring back a copy")


def lines(path: Path) -> Iterator[str]:
    """Every line, without its end, in order. Raises: OSError."""
    with gzip.open(path, "rt", encoding="utf-8", newline="\n") as file:
        for line in file:
            yield line.removesuffix("\n")


def find_line(path: Path, order_id: UUID) -> str | None:
    """The line of one order, by the manifest. Raises: ArchiveError, OSError."""
    try:
        members = json.loads(_manifest_path(path).read_text(encoding="utf-8"))["members"]
        firsts = [UUID(first) for first, _ in members]
        place = bisect_right(firsts, order_id) - 1
        if place < 0:
            return None
        start, end = members[place][1], members[place + 1][1] if place + 1 < len(members) else None
        with path.open("rb") as file:
            file.seek(start)
            text = gzip.decompress(file.read() if end is None else file.read(end - start)).decode()
    except (ValueError, KeyError, TypeError, EOFError, gzip.BadGzipFile) as error:
        raise ArchiveError(f"{path} or its manifest is damaged ({error}): see manage.py archive verify") from error
    # As PostgreSQL writes a jsonb: the order's own id stands in its own object.
    wanted = str(order_id)
    return next((line for line in text.splitlines() if json.loads(line)["order"]["id"] == wanted), None)


def _manifest_path(path: Path) -> Path:
    return path.with_name(path.name.removesuffix(SUFFIX) + MANIFEST_SUFFIX)
