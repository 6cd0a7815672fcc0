"""Values of the ABI that take one word each, read at fixed places: what getters return, and what events hold.

A market is tens of thousands of such values, for which the ABI's library takes six times as long; a test compares with
it. Not for kinds that are as long as their value, and not for what is signed.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from eth_abi.exceptions import DecodingError

WORD = 32
ADDRESS_BYTES = 20

Unpack = Callable[[bytes], Any]


class Words:
    """A row of such values. Addresses are text in lower case."""

    def __init__(self, kinds: Sequence[str]) -> None:
        self._unpacks = [_reader(kind) for kind in kinds]
        self.size = WORD * len(kinds)

    def unpack(self, data: bytes) -> tuple[Any, ...]:
        """The values at the beginning of data; what follows them is not looked at.

        Raises: eth_abi.exceptions.DecodingError when there are fewer, or one is out of its kind's range.
        """
        if len(data) < self.size:
            raise DecodingError(f"{len(data)} bytes are too few for {len(self._unpacks)} words")
        ends = range(WORD, self.size + WORD, WORD)
        return tuple([unpack(data[end - WORD : end]) for unpack, end in zip(self._unpacks, ends, strict=True)])


def is_word(kind: str) -> bool:
    """Whether values of an ABI type are such words."""
    return kind == "address" or kind.removeprefix("u").removeprefix("int").isdecimal()


def _reader(kind: str) -> Unpack:
    if kind == "address":
        return _unpack_address
    is_signed = not kind.startswith("u")
    bits = int(kind.removeprefix("u").removeprefix("int"))
    least, most = (-(1 << bits - 1), (1 << bits - 1) - 1) if is_signed else (0, (1 << bits) - 1)
    return partial(_unpack_number, least, most)


def _unpack_address(word: bytes) -> str:
    if any(word[:-ADDRESS_BYTES]):
        raise DecodingError("an address is longer than it can be")
    return "0x" + word[-ADDRESS_BYTES:].hex()


def _unpack_number(least: int, most: int, word: bytes) -> int:
    value = int.from_bytes(word, "big", signed=least < 0)
    if not least <= value <= most:
        raise DecodingError(f"{value} is not between {least} and {most}")
    return value
