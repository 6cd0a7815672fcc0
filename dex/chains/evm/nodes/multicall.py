"""Many reads of contracts at one block: through the multicall contract where there is one, else as one batch.

A market is tens of thousands of small reads, so its arrays are packed and unpacked by hand; a test compares with the
ABI library, which takes twenty times as long.
"""

from collections.abc import Iterator, Sequence

from dex.chains.evm.abi.contracts import READ_MANY
from dex.chains.evm.answers import Block
from dex.chains.evm.fields import BadAnswer
from dex.chains.evm.nodes.errors import RpcError
from dex.chains.evm.nodes.replies import Call
from dex.chains.evm.nodes.rpc import Rpc

Read = tuple[str, bytes]  # contract, call

CALLS_AT_ONCE = 400
GAS_EACH = 500_000  # of which a getter uses a hundredth
WORD = 32
_GAS = GAS_EACH.to_bytes(WORD, "big")
_DATA_AT = (3 * WORD).to_bytes(WORD, "big")  # in each struct, behind its three heads
_ARRAY_AT = WORD.to_bytes(WORD, "big")


class Reader:
    """Reads for one chain. `multicall` is the contract's address, empty where there is none."""

    def __init__(self, rpc: Rpc, multicall: str) -> None:
        self._rpc = rpc
        self._multicall = multicall

    def read(self, reads: Sequence[Read], block: Block) -> list[bytes]:
        """What each returns after that block; empty for one that reverts or meets no contract.

        All in one request, in which the node is also asked for the block: that it has the very same one proves that
        what it says is of that branch. Raises: ChainUnavailable.
        """
        if not reads:
            return []
        calls = self.calls(reads, block)
        return self._rpc.read_taken([*calls, header_call(block.number)], lambda found: self._taken(reads, block, found))

    def calls(self, reads: Sequence[Read], block: Block) -> list[Call]:
        """What a node is asked for them, to be asked together with something else; see `taken`."""
        tag = hex(block.number)
        if not self._multicall:
            return [_call(to, data, tag) for to, data in reads]
        return [_call(self._multicall, pack(part), tag) for part in _parts(reads)]

    def taken(self, reads: Sequence[Read], answers: Sequence[object]) -> list[bytes]:
        """What each of them returns, out of the answers to `calls`. Raises: BadAnswer."""
        if not self._multicall:
            return [_returned(answer) for answer in answers]
        found: list[bytes] = []
        for answer in answers:
            raw = _returned(answer)
            if not raw:
                raise BadAnswer(f"no multicall contract at {self._multicall}")
            found += unpack(raw)
        if len(found) != len(reads):
            raise BadAnswer(f"{len(found)} returned values for {len(reads)} reads of contracts")
        return found

    def _taken(self, reads: Sequence[Read], block: Block, answers: Sequence[object]) -> list[bytes]:
        check_same(block, answers[-1])
        return self.taken(reads, answers[:-1])


def header_call(number: int) -> Call:
    """Asks for the header of a block."""
    return ("eth_getBlockByNumber", [hex(number), False])


def check_same(block: Block, answer: object) -> None:
    """Raises: BadAnswer when the node has another block of that number, or none."""
    if isinstance(answer, RpcError):
        raise BadAnswer(f"a refusal: {answer.message}")
    if not isinstance(answer, Block) or answer.hash != block.hash:
        raise BadAnswer(f"another block {block.number}, or none: the chain changed its mind, or the node lags")


def _returned(answer: object) -> bytes:
    """What a call returned; nothing where the contract undid it. Raises: BadAnswer where the node did not try."""
    if isinstance(answer, RpcError):
        if answer.is_revert:
            return b""
        raise BadAnswer(f"a refusal: {answer.message}")
    assert isinstance(answer, bytes)
    return answer


def pack(reads: Sequence[Read]) -> bytes:
    """The call of `READ_MANY` for these reads."""
    heads, bodies, place = [], [], WORD * len(reads)
    for to, data in reads:
        body = b"".join(
            (
                bytes(12) + bytes.fromhex(to[2:]),
                _GAS,
                _DATA_AT,
                len(data).to_bytes(WORD, "big"),
                data,
                bytes(-len(data) % WORD),
            )
        )
        heads.append(place.to_bytes(WORD, "big"))
        bodies.append(body)
        place += len(body)
    return b"".join((READ_MANY.selector, _ARRAY_AT, len(reads).to_bytes(WORD, "big"), *heads, *bodies))


def unpack(raw: bytes) -> list[bytes]:
    """What `READ_MANY` returned: the bytes of each read, empty where it failed. Raises: BadAnswer."""
    array = _number(raw, WORD)
    start, count = array + WORD, _number(raw, array)
    if start + WORD * count > len(raw):
        raise BadAnswer(f"{count} returned values in {len(raw)} bytes")
    found = []
    for place in range(start, start + WORD * count, WORD):
        item = start + _number(raw, place)
        data = item + _number(raw, item + 2 * WORD)
        end = data + WORD + _number(raw, data)
        if end > len(raw):
            raise BadAnswer(f"a returned value beyond the end of {len(raw)} bytes")
        found.append(raw[data + WORD : end] if _number(raw, item) else b"")
    return found


def _number(raw: bytes, place: int) -> int:
    if place + WORD > len(raw):
        raise BadAnswer(f"{len(raw)} bytes that no multicall returns")
    return int.from_bytes(raw[place : place + WORD], "big")


def _parts(reads: Sequence[Read]) -> Iterator[Sequence[Read]]:
    for start in range(0, len(reads), CALLS_AT_ONCE):
        yield reads[start : start + CALLS_AT_ONCE]


def _call(to: str, data: bytes, tag: str) -> Call:
    return ("eth_call", [{"to": to, "data": "0x" + data.hex()}, tag])
