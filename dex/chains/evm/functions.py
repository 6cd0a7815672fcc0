"""Functions and events of contracts, encoded and decoded by the ABI's own rules.

Source: https://docs.soliditylang.org/en/latest/abi-spec.html
"""

from collections.abc import Sequence
from functools import cached_property
from typing import Any

from eth_abi.abi import decode, encode
from eth_abi.exceptions import DecodingError
from eth_hash.auto import keccak

from dex.chains.evm.answers import Log
from dex.chains.evm.fields import BadAnswer
from dex.chains.evm.words import WORD, Words, is_word, pack_address

SELECTOR_BYTES = 4


class Function:
    """One function: `inputs` and `outputs` are its ABI types."""

    def __init__(self, name: str, inputs: Sequence[str] = (), outputs: Sequence[str] = ()) -> None:
        self.name, self.inputs, self.outputs = name, tuple(inputs), tuple(outputs)
        self._inputs, self._outputs = _words(inputs), _words(outputs)

    def __repr__(self) -> str:
        return f"<Function {self.name}>"

    @cached_property
    def selector(self) -> bytes:
        """The first four bytes of a call."""
        return keccak(f"{self.name}({','.join(self.inputs)})".encode())[:SELECTOR_BYTES]

    def call(self, *arguments: Any) -> bytes:
        """The bytes of a call."""
        packed = encode(self.inputs, arguments) if self._inputs is None else self._inputs.pack(arguments)
        return self.selector + packed

    def arguments(self, data: bytes) -> tuple[Any, ...]:
        """What a call was given. Raises: eth_abi.exceptions.DecodingError where `call` makes other bytes of it."""
        found = self._arguments(data)
        if self.call(*found) != data:
            raise DecodingError(f"this is not how {self.name} is called")
        return found

    def result(self, data: bytes) -> tuple[Any, ...]:
        """What a call returned. Raises: BadAnswer."""
        try:
            return tuple(decode(self.outputs, data)) if self._outputs is None else self._outputs.unpack(data)
        except (DecodingError, OverflowError) as error:
            raise BadAnswer(f"{len(data)} bytes that {self.name} does not return") from error

    def _arguments(self, data: bytes) -> tuple[Any, ...]:
        if self._inputs is None:
            return tuple(decode(self.inputs, data[SELECTOR_BYTES:]))
        return self._inputs.unpack(data, SELECTOR_BYTES)


class SwapV2(Function):
    """Two amounts, the tokens on the way, and the recipient."""

    _HEAD = Words(["uint256", "uint256", "uint256", "address", "uint256"])
    _PATH_AT = 4 * WORD  # behind the heads of the four arguments

    def __init__(self, name: str) -> None:
        super().__init__(name, ["uint256", "uint256", "address[]", "address"], ["uint256"])

    def call(self, *arguments: Any) -> bytes:
        """The bytes of a call."""
        one, other, path, recipient = arguments
        head = self._HEAD.pack((one, other, self._PATH_AT, recipient, len(path)))
        return b"".join((self.selector, head, *map(pack_address, path)))

    def _arguments(self, data: bytes) -> tuple[Any, ...]:
        one, other, _, recipient, count = self._HEAD.unpack(data, SELECTOR_BYTES)
        start = SELECTOR_BYTES + self._HEAD.size
        path = Words(["address"] * _fitting(count, data)).unpack(data, start)
        return one, other, path, recipient


class SwapV3(Function):
    """One struct: the tokens on the way with the fees between them, the recipient, and two amounts."""

    _HEAD = Words(["uint256", "uint256", "address", "uint256", "uint256", "uint256"])
    _STRUCT_AT, _PATH_AT = WORD, 4 * WORD

    def __init__(self, name: str) -> None:
        super().__init__(name, ["(bytes,address,uint256,uint256)"], ["uint256"])

    def call(self, *arguments: Any) -> bytes:
        """The bytes of a call."""
        ((path, *rest),) = arguments
        head = self._HEAD.pack((self._STRUCT_AT, self._PATH_AT, *rest, len(path)))
        return b"".join((self.selector, head, _filled(path)))

    def _arguments(self, data: bytes) -> tuple[Any, ...]:
        _, _, recipient, one, other, size = self._HEAD.unpack(data, SELECTOR_BYTES)
        start = SELECTOR_BYTES + self._HEAD.size
        return ((data[start : start + size], recipient, one, other),)


class CallsUntil(Function):
    """A deadline and calls, each of any length."""

    _HEAD = Words(["uint256", "uint256", "uint256"])
    _CALLS_AT = 2 * WORD

    def __init__(self, name: str) -> None:
        super().__init__(name, ["uint256", "bytes[]"], ["bytes[]"])

    def call(self, *arguments: Any) -> bytes:
        """The bytes of a call."""
        deadline, calls = arguments
        places, bodies, place = [], [], WORD * len(calls)
        for call in calls:
            body = len(call).to_bytes(WORD, "big") + _filled(call)
            places.append(place.to_bytes(WORD, "big"))
            bodies.append(body)
            place += len(body)
        head = self._HEAD.pack((deadline, self._CALLS_AT, len(calls)))
        return b"".join((self.selector, head, *places, *bodies))

    def _arguments(self, data: bytes) -> tuple[Any, ...]:
        deadline, _, count = self._HEAD.unpack(data, SELECTOR_BYTES)
        start = SELECTOR_BYTES + self._HEAD.size + WORD * _fitting(count, data)
        calls = []
        for _ in range(count):
            size = int.from_bytes(data[start : start + WORD], "big")
            start += WORD
            calls.append(data[start : start + size])
            start += size + -size % WORD
        return deadline, tuple(calls)


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


def _words(kinds: Sequence[str]) -> Words | None:
    return Words(kinds) if all(map(is_word, kinds)) else None


def _filled(data: bytes) -> bytes:
    """Up to whole words."""
    return data + bytes(-len(data) % WORD)


def _fitting(count: int, data: bytes) -> int:
    """A count of things that take a word each. Raises: eth_abi.exceptions.DecodingError where data cannot hold them."""
    if count * WORD > len(data):
        raise DecodingError(f"{count} words are more than there are")
    return count
