"""The fields that answers of nodes are made of: quantities, bytes, hashes, addresses, objects and lists.

Source: https://ethereum.org/en/developers/docs/apis/json-rpc/#hex-encoding. Leading zeros of quantities are let pass:
some nodes write them, and they change no value.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from dex.errors import ChainUnavailable

MAX_WORD = (1 << 256) - 1
# Numbers of blocks, transactions and places: what the engine's tables hold.
MAX_COUNT = (1 << 62) - 1
MAX_TIME_S = 253_402_300_799  # the end of the year 9999
MAX_TEXT = 60

_QUANTITY = re.compile(r"0x[0-9a-fA-F]{1,64}", re.ASCII)
_HASH = re.compile(r"0x[0-9a-fA-F]{64}", re.ASCII)
_ADDRESS = re.compile(r"0x[0-9a-fA-F]{40}", re.ASCII)


class BadAnswer(ChainUnavailable):
    """A node's answer that does not fit its question, which counts as none. The detail says what it was instead."""


def kind_of(value: object) -> str:
    """A value in words, without what may be long in it."""
    if isinstance(value, str):
        shown = "".join(sign if sign.isprintable() else "?" for sign in value[:MAX_TEXT])
        return f'"{shown}"' + ("..." if len(value) > MAX_TEXT else "")
    if isinstance(value, Mapping):
        return "an object"
    if isinstance(value, Sequence):
        return "a list"
    return "null" if value is None else f"a JSON {type(value).__name__}"


def quantity(value: object, most: int = MAX_WORD) -> int:
    """Raises: BadAnswer for what is no number from 0 to `most`."""
    if not isinstance(value, str) or not _QUANTITY.fullmatch(value):
        raise BadAnswer(f"{kind_of(value)} for a quantity")
    number = int(value, 16)
    if number > most:
        raise BadAnswer(f"{kind_of(value)}, more than it can be")
    return number


def data(value: object) -> bytes:
    """Raises: BadAnswer for what is no bytes in hexadecimal."""
    if not isinstance(value, str) or not value.startswith("0x"):
        raise BadAnswer(f"{kind_of(value)} for bytes")
    try:
        found = bytes.fromhex(value[2:])
    except ValueError:
        raise BadAnswer(f"{kind_of(value)} for bytes") from None
    if 2 * len(found) != len(value) - 2:  # blanks, which Python lets pass
        raise BadAnswer(f"{kind_of(value)} for bytes")
    return found


def hash32(value: object) -> str:
    """In lower case. Raises: BadAnswer."""
    if not isinstance(value, str) or not _HASH.fullmatch(value):
        raise BadAnswer(f"{kind_of(value)} for a hash")
    return value.lower()


def address(value: object) -> str:
    """In lower case. Raises: BadAnswer."""
    if not isinstance(value, str) or not _ADDRESS.fullmatch(value):
        raise BadAnswer(f"{kind_of(value)} for an address")
    return value.lower()


def items(value: object) -> list[Any]:
    """Raises: BadAnswer for what is no list."""
    if not isinstance(value, list):
        raise BadAnswer(f"{kind_of(value)} for a list")
    return value


def members(value: object, *names: str) -> list[Any]:
    """The members of an object, which must all be there; they may be null. Raises: BadAnswer."""
    if not isinstance(value, dict):
        raise BadAnswer(f"{kind_of(value)} for an object")
    missing = [name for name in names if name not in value]
    if missing:
        raise BadAnswer(f"an object without {', '.join(missing)}")
    return [value[name] for name in names]
