"""The one form in which what is hashed or signed is written: canonical JSON (RFC 8785).

https://www.rfc-editor.org/rfc/rfc8785
"""

import hashlib
import json
from collections.abc import Sequence
from typing import Any

import rfc8785

SAFE = 2**53 - 1


class RecordError(ValueError):
    """A document that is not what it must be; its text says where."""


def canonical(value: Any) -> bytes:
    """The canonical bytes of a JSON value. Raises: RecordError for a number that JSON readers would change."""
    try:
        return rfc8785.dumps(value)
    except rfc8785.CanonicalizationError as error:
        raise RecordError(str(error)) from error


def read_canonical(document: bytes) -> Any:
    """The value of canonical bytes. Raises: RecordError for any other JSON, however little it differs."""
    try:
        value = json.loads(document.decode("utf-8", "strict"), object_pairs_hook=_once, parse_constant=_no_number)
    except RecursionError as error:
        raise RecordError("it is nested too deeply") from error
    except ValueError as error:
        raise RecordError(f"it is no JSON: {error}") from error
    if canonical(value) != document:
        raise RecordError("it is not in canonical form (RFC 8785): it was changed, or written again by another program")
    return value


def sha256(document: bytes) -> str:
    """The hash that names a document."""
    return hashlib.sha256(document).hexdigest()


def _once(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    read = dict(pairs)
    if len(read) < len(pairs):
        raise ValueError("a member is stated twice")
    return read


def _no_number(word: str) -> float:
    raise ValueError(f"{word} is no number")
