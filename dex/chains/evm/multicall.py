"""Many reads of contracts at one block: through the multicall contract where there is one, else as one batch.

A market is tens of thousands of small reads, so its arrays are packed and unpacked by hand; a test compares with the
ABI library, which takes twenty times as long.
"""

from collections.abc import Iterator, Sequence

from dex.chains.evm.abi import READ_MANY
from dex.chains.evm.rpc import Call, Rpc
from dex.errors import ChainUnavailable

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

    def read(self, reads: Sequence[Read], block: int) -> list[bytes]:
        """What each returns after that block; empty for one that reverts or meets no contract.

        Raises: ChainUnavailable.
        """
        if not reads:
            return []
        tag = hex(block)
        if not self._multicall:
            answers = self._rpc.read([_call(to, data, tag) for to, data in reads])
            return [bytes.fromhex(answer[2:]) if isinstance(answer, str) else b"" for answer in answers]
        calls = [_call(self._multicall, pack(part), tag) for part in _parts(reads)]
        found: list[bytes] = []
        for answer in self._rpc.results(calls):
            raw = bytes.fromhex(answer[2:])
            if not raw:
                raise ChainUnavailable(f"there is no multicall contract at {self._multicall}")
            found += unpack(raw)
        if len(found) != len(reads):
            raise ChainUnavailable(f"the multicall contract at {self._multicall} does not answer to every call")
        return found


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
    """What `READ_MANY` returned: the bytes of each read, empty where it failed."""
    array = _number(raw, WORD)
    start = array + WORD
    found = []
    for place in range(start, start + WORD * _number(raw, array), WORD):
        item = start + _number(raw, place)
        data = item + _number(raw, item + 2 * WORD)
        size = _number(raw, data)
        found.append(raw[data + WORD : data + WORD + size] if _number(raw, item) else b"")
    return found


def _number(raw: bytes, place: int) -> int:
    return int.from_bytes(raw[place : place + WORD], "big")


def _parts(reads: Sequence[Read]) -> Iterator[Sequence[Read]]:
    for start in range(0, len(reads), CALLS_AT_ONCE):
        yield reads[start : start + CALLS_AT_ONCE]


def _call(to: str, data: bytes, tag: str) -> Call:
    return ("eth_call", [{"to": to, "data": "0x" + data.hex()}, tag])
