"""Reads JSON that others wrote: no member is dropped, no fraction rounded, and nothing lies too deep. Pure."""

import json
from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any

import orjson

# No request of ours has more than six levels; deep ones cost stack.
MAX_DEPTH = 16


class JsonError(ValueError):
    """Text that is refused. `code` is stable, `detail` is for people."""

    def __init__(self, detail: str, code: str = "malformed_json") -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail


def read_json(text: bytes | str) -> Any:
    """The value. Raises: JsonError for NaN, lone surrogates, NUL, too many levels, a name twice in one object."""
    raw = text.encode() if isinstance(text, str) else text
    try:
        parsed = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise JsonError(f"cannot be read as JSON: {error}") from None
    if raw.count(b"[") + raw.count(b"{") > MAX_DEPTH and _is_deeper(parsed, MAX_DEPTH):
        raise JsonError(f"has more than {MAX_DEPTH} levels")
    if b"\\u0000" in raw and _has_nul(parsed):
        raise JsonError("must not hold NUL characters")
    if b"{" in raw:
        # A second reading: the first one is quick and strict, but keeps the last of two members without a word.
        _DECODER.decode(raw.decode())
    return parsed


def once(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    """An object of its members. Raises: JsonError `duplicate_key`: which of two values counts, readers disagree on."""
    members = dict(pairs)
    if len(members) != len(pairs):
        raise JsonError(f"has the member {_repeated(name for name, _ in pairs)[:64]!r} twice", "duplicate_key")
    return members


def _repeated(names: Iterable[str]) -> str:
    seen: set[str] = set()
    return next(name for name in names if name in seen or seen.add(name))  # type: ignore[func-returns-value]


def _exact(text: str) -> float:
    number = float(text)
    try:
        is_exact = Decimal(text) == Decimal(repr(number))
    except ArithmeticError:  # an exponent beyond all bounds
        is_exact = False
    if not is_exact:
        raise JsonError(f"holds a number that cannot be kept exactly: {text[:40]}")
    return number


_DECODER = json.JSONDecoder(object_pairs_hook=once, parse_float=_exact)


def _is_deeper(value: Any, most: int) -> bool:
    """Whether lists and objects lie in each other more than `most` times. Level by level, so that no depth hurts."""
    level = [value]
    for _ in range(most + 1):
        level = [item for item in level if isinstance(item, (dict, list))]
        if not level:
            return False
        level = [inner for item in level for inner in (item.values() if isinstance(item, dict) else item)]
    return True


def _has_nul(value: Any) -> bool:
    if isinstance(value, str):
        return "\x00" in value
    if isinstance(value, dict):
        return any(_has_nul(key) or _has_nul(item) for key, item in value.items())
    return isinstance(value, list) and any(_has_nul(item) for item in value)
