"""What `manage.py receipt verify` looks at, in its order, and what it prints. Needs no database and no settings."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import httpx

from dex.recorded.rerun import Difference
from orders.receipts.check import Finding, check_market, check_route, check_signature
from orders.receipts.keys import PublicKey, read_keys

LARGEST_FILE = 256 * 1024 * 1024  # bytes; a market of the largest chains has a few million
TIMEOUT_S = 10.0
SAME, UNLIKE, UNCHECKED = 0, 1, 2


class Unreadable(Exception):
    """A file or an address that cannot be read; the text says why."""


def findings(receipt: Path, snapshot: Path | None, keys: str | None) -> list[Finding]:
    """All that can be checked, in turn: what follows one that fails is left out. Raises: Unreadable."""
    known = None if keys is None else keys_at(keys)
    signature, document = check_signature(_bytes(receipt), known)
    found = [signature]
    if document is None or snapshot is None:
        return found
    named, market = check_market(document, _bytes(snapshot))
    found.append(named)
    if market is not None:
        found += check_route(document, market)
    return found


def keys_at(place: str) -> Mapping[str, PublicKey]:
    """The keys of a JWK set in a file or at an address. Raises: Unreadable."""
    try:
        if place.startswith(("http://", "https://")):
            answer = httpx.get(place, timeout=TIMEOUT_S)
            answer.raise_for_status()
            read = answer.json()
        else:
            read = json.loads(_bytes(Path(place)))
        return read_keys(read)
    except (ValueError, httpx.HTTPError, httpx.InvalidURL) as error:
        raise Unreadable(f"{place} gives no keys: {error}") from error


def lines(found: list[Finding]) -> Iterator[str]:
    """As people read it: what a file says begins no line of its own, and moves no cursor."""
    for finding in found:
        word = {True: "ok", False: "FAILS", None: "not checked"}[finding.holds]
        yield _plain(f"{finding.what:<10} {word}: {finding.detail}")
        for difference in finding.differences:
            yield from map(_plain, _shown(difference))


def as_json(found: list[Finding]) -> list[dict[str, Any]]:
    """The same for programs."""
    return [
        {
            "check": finding.what,
            "holds": finding.holds,
            "detail": finding.detail,
            "differences": [difference._asdict() for difference in finding.differences],
        }
        for finding in found
    ]


def exit_code(found: list[Finding], is_whole: bool) -> int:
    """0: everything was checked and holds; 1: something does not; 2: something could not be checked."""
    if any(finding.holds is False for finding in found):
        return UNLIKE
    return SAME if is_whole and all(finding.holds for finding in found) else UNCHECKED


def _plain(text: str) -> str:
    """Without signs that a terminal obeys: they are written as escapes."""
    return "".join(sign if sign.isprintable() else sign.encode("unicode_escape").decode() for sign in text)


def _shown(difference: Difference) -> Iterator[str]:
    yield f"  {difference.what}"
    for told, value in (("receipt", difference.recorded), ("here", difference.found)):
        for line in value if isinstance(value, list) else [value]:
            yield f"    {told:<8} {line}"


def _bytes(path: Path) -> bytes:
    try:
        if path.stat().st_size > LARGEST_FILE:
            raise Unreadable(f"{path} is larger than {LARGEST_FILE} bytes")
        return path.read_bytes()
    except OSError as error:
        raise Unreadable(f"{path} cannot be read: {error.strerror}") from error
