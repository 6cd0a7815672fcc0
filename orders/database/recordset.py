"""Many rows as one statement parameter: JSON in, `jsonb_to_recordset` on the other side.

Measured on batches of 200 rows with nine columns: 6 us per row here and 27 in PostgreSQL, where psycopg's arrays
of the same values took 190 and 41, because it quotes them element by element in Python.
"""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any
from uuid import UUID

import orjson


def recordset(rows: Iterable[Mapping[str, Any]]) -> str:
    """Rows as the text of a JSON array; keys are the columns that the statement names. Atoms go through `to_json`."""
    return orjson.dumps(list(rows)).decode()


def to_json(value: Any) -> Any:
    """Atoms and prices as text (JSON numbers end at 64 bits), bytes as PostgreSQL reads them, others as they are."""
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, (bytes, memoryview)):
        return "\\x" + bytes(value).hex()
    return value


def id_array(ids: Iterable[UUID]) -> str:
    """Ids as the text of a `uuid[]`."""
    return "{" + ",".join(map(str, ids)) + "}"


def hash_array(hashes: Iterable[str]) -> str:
    """Transaction hashes as the text of a `text[]`. They hold nothing that would need quotes."""
    return "{" + ",".join(hashes) + "}"
