"""Functions and events of contracts, encoded and decoded by the ABI's own rules.

Calls go through eth-abi. Results and events are read word by word (`words.py`): a market is tens of thousands of them.
Source: https://docs.soliditylang.org/en/latest/abi-spec.html
"""

from collections.abc import Sequence
from functools import cached_property
from typing import Any

from eth_abi.abi import decode, encode
from eth_abi.exceptions import DecodingError
from eth_hash.auto import keccak

from dex.chains.evm.abi.words import Words, is_word
from dex.chains.evm.answers import Log
from dex.chains.evm.fields import BadAnswer

SELECTOR_BYTES = 4
# No node takes a longer transaction. Also bounds what pointers to one place can make of a call that is decoded.
# Source: https://github.com/ethereum/go-ethereum/blob/v1.14.0/core/txpool/legacypool/legacypool.go (txMaxSize)
MAX_CALL_BYTES = 131_072


class Function:
    """One function: `inputs` and `outputs` are its ABI types. Addresses are text in lower case."""

    def __init__(self, name: str, inputs: Sequence[str] = (), outputs: Sequence[str] = ()) -> None:
        self.name, self.inputs, self.outputs = name, tuple(inputs), tuple(outputs)
        self._words = Words(outputs) if all(map(is_word, outputs)) else None

    def __repr__(self) -> str:
        return f"<Function {self.name}>"

    @cached_property
    def selector(self) -> bytes:
        """The first four bytes of a call."""
        return keccak(f"{self.name}({','.join(self.inputs)})".encode())[:SELECTOR_BYTES]

    def call(self, *arguments: Any) -> bytes:
        """The bytes of a call. Raises: eth_abi.exceptions.EncodingError."""
        return self.selector + encode(self.inputs, arguments)

    def arguments(self, data: bytes) -> tuple[Any, ...]:
        """What a call was given. Raises: eth_abi.exceptions.DecodingError where `call` makes other bytes of it."""
        if data[:SELECTOR_BYTES] != self.selector:
            raise DecodingError(f"this is no call of {self.name}")
        return decode_exactly(self.inputs, data[SELECTOR_BYTES:])

    def result(self, data: bytes) -> tuple[Any, ...]:
        """What a call returned. Raises: BadAnswer."""
        try:
            return tuple(decode(self.outputs, data)) if self._words is None else self._words.unpack(data)
        except (DecodingError, OverflowError) as error:
            raise BadAnswer(f"{len(data)} bytes that {self.name} does not return") from error


def decode_exactly(kinds: Sequence[str], data: bytes) -> tuple[Any, ...]:
    """Values that are encoded in the one way in which `encode` writes them.

    A contract may find its way through bytes by other rules than a decoder. So no other padding, order or place of
    values is taken, and nothing behind them. Raises: eth_abi.exceptions.DecodingError.
    """
    if len(data) > MAX_CALL_BYTES:
        raise DecodingError(f"{len(data)} bytes are more than a transaction has")
    try:
        found = tuple(decode(kinds, data))
    except OverflowError as error:
        raise DecodingError("a place in the bytes is out of range") from error
    if encode(kinds, found) != data:
        raise DecodingError("the bytes are not written as the ABI writes these values")
    return found


class Event:
    """One event: `indexed` types stand in its topics, `plain` ones in its data; all of them take one word."""

    def __init__(self, signature: str, indexed: Sequence[str], plain: Sequence[str]) -> None:
        self._name = signature.partition("(")[0]
        self.topic = "0x" + keccak(signature.encode()).hex()
        self._indexed, self._plain = Words(indexed), Words(plain)

    def topics(self, log: Log) -> tuple[Any, ...]:
        """The indexed values of a log. Raises: BadAnswer."""
        return self._read(self._indexed, b"".join(bytes.fromhex(topic[2:]) for topic in log.topics[1:]))

    def data(self, log: Log) -> tuple[Any, ...]:
        """The other values of a log. Raises: BadAnswer."""
        return self._read(self._plain, log.data)

    def _read(self, words: Words, data: bytes) -> tuple[Any, ...]:
        try:
            return words.unpack(data)
        except DecodingError as error:
            raise BadAnswer(f"a log that is no {self._name}") from error
