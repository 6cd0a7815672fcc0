"""Many reads of contracts at one block: through the multicall contract where there is one, else as one batch."""

from collections.abc import Iterator, Sequence

from dex.chains.evm.abi import READ_MANY
from dex.chains.evm.rpc import Call, Rpc
from dex.errors import ChainUnavailable

Read = tuple[str, bytes]  # contract, call

CALLS_AT_ONCE = 400
GAS_EACH = 500_000  # of which a getter uses a hundredth


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
        calls = [
            _call(self._multicall, READ_MANY.call([(to, GAS_EACH, data) for to, data in part]), tag)
            for part in _parts(reads)
        ]
        found: list[bytes] = []
        for answer in self._rpc.results(calls):
            raw = bytes.fromhex(answer[2:])
            if not raw:
                raise ChainUnavailable(f"there is no multicall contract at {self._multicall}")
            found += [data if is_success else b"" for is_success, _, data in READ_MANY.result(raw)[1]]
        return found


def _parts(reads: Sequence[Read]) -> Iterator[Sequence[Read]]:
    for start in range(0, len(reads), CALLS_AT_ONCE):
        yield reads[start : start + CALLS_AT_ONCE]


def _call(to: str, data: bytes, tag: str) -> Call:
    return ("eth_call", [{"to": to, "data": "0x" + data.hex()}, tag])
