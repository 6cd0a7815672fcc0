"""Values of the ABI that take one word each, packed and unpacked at fixed places.

Every order is packed, read back by the signer and read out of events: the ABI's library takes ten times as long, and a
test compares with it. Not for kinds that are as long as their value.
"""

from collections.abc import Callable, Sequence
from functools import lru_cache, partial
from typing import Any

from eth_abi.exceptions import DecodingError, ValueOutOfBounds

WORD = 32
ADDRESS_BYTES = 20

Pack = Callable[[Any], bytes]
Unpack = Callable[[bytes], Any]


class Words:
    """A row of such values. Addresses are text in lower case."""

    def __init__(self, kinds: Sequence[str]) -> None:
        self._packs = [_kind(kind)[0] for kind in kinds]
        self._unpacks = [_kind(kind)[1] for kind in kinds]
        self.size = WORD * len(kinds)

    def pack(self, values: Sequence[Any]) -> bytes:
        """Raises: eth_abi.exceptions.ValueOutOfBounds."""
        return b"".join([pack(value) for pack, value in zip(self._packs, values, strict=True)])

    def unpack(self, data: bytes, place: int = 0) -> tuple[Any, ...]:
        """The values from that place on; what follows them is not looked at.

        Raises: eth_abi.exceptions.DecodingError when there are not so many, or one is out of its kind's range.
        """
        if len(data) < place + self.size:
            raise DecodingError(f"{len(data)} bytes are too few for {len(self._unpacks)} words from {place} on")
        ends = range(place + WORD, place + self.size + WORD, WORD)
        return tuple([unpack(data[end - WORD : end]) for unpack, end in zip(self._unpacks, ends, strict=True)])


def is_word(kind: str) -> bool:
    """Whether values of an ABI type are such words."""
    return kind == "address" or kind.removeprefix("u").removeprefix("int").isdecimal()


def _kind(kind: str) -> tuple[Pack, Unpack]:
    if kind == "address":
        return pack_address, _unpack_address
    is_signed = not kind.startswith("u")
    bits = int(kind.removeprefix("u").removeprefix("int"))
    least, most = (-(1 << bits - 1), (1 << bits - 1) - 1) if is_signed else (0, (1 << bits) - 1)
    return partial(_pack_number, least, most), partial(_unpack_number, least, most)


@lru_cache(maxsize=4096)
def pack_address(text: str) -> bytes:
    """An address as a word. Raises: eth_abi.exceptions.ValueOutOfBounds."""
    raw = bytes.fromhex(text[2:])
    if len(raw) != ADDRESS_BYTES or text[:2] != "0x":
        raise ValueOutOfBounds(f"{text} is no address")
    return bytes(WORD - ADDRESS_BYTES) + raw


def _unpack_address(word: bytes) -> str:
    if any(word[:-ADDRESS_BYTES]):
        raise DecodingError("an address is longer than it can be")
    return "0x" + word[-ADDRESS_BYTES:].hex()


def _pack_number(least: int, most: int, value: int) -> bytes:
    if not least <= value <= most:
        raise ValueOutOfBounds(f"{value} is not between {least} and {most}")
    return value.to_bytes(WORD, "big", signed=least < 0)


def _unpack_number(least: int, most: int, word: bytes) -> int:
    value = int.from_bytes(word, "big", signed=least < 0)
    if not least <= value <= most:
        raise DecodingError(f"{value} is not between {least} and {most}")
    return value
