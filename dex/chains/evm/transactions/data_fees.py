"""What rollups charge for a transaction's bytes, by what their own contracts say.

A contract that is missing, reverts or says what cannot be never stops a quote: what was last known counts on, or
nothing where nothing was. Either is said once in the log.
"""

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Final, NamedTuple

from dex.chains.evm.abi.codec import Function
from dex.chains.evm.fields import BadAnswer
from dex.chains.evm.nodes.errors import RpcError
from dex.chains.evm.nodes.replies import Call

logger = logging.getLogger(__name__)

# What a reading may use, so that no contract keeps a node busy. On Arbitrum its own bytes are charged for in it.
GAS = 5_000_000
# After a request that failed with it the contract is not asked for that long.
REST_S = 60.0
KILOBYTE = 1_000
# A whole native token for a kilobyte: above it the answer is taken for nonsense.
MOST_PER_KILOBYTE = 10**18
# How many times what was last known is believed of one node alone: what is known may be old.
BELIEVED_TIMES = 10


class DataFee(NamedTuple):
    """A fee that is linear in bytes: wei for a transaction without any, which may be below 0, and for each 1,000."""

    base: int = 0
    per_kilobyte: int = 0

    def at(self, size: int) -> int:
        """Wei for `size` bytes."""
        return max(0, self.base + self.per_kilobyte * size // KILOBYTE)


class Rollup(NamedTuple):
    """How a kind of rollup says what bytes cost: the contract, its calls, and the fee in what they return.

    `unpacked` is how many bytes the fee at a size counts beyond that size. `is_beside_gas` says that the fee is taken
    beside the gas; else it is charged as gas, for which a transaction's limit has room (`Deployment.extra_gas`).
    """

    contract: str
    calls: tuple[bytes, ...]
    read: Callable[[Sequence[bytes]], DataFee]
    unpacked: int
    is_beside_gas: bool


L1_FEE_UPPER_BOUND = Function("getL1FeeUpperBound", ["uint256"], ["uint256"])
# Sizes above which the fee grows by the byte: below 170 bytes it is that of 100.
SIZES = (250, 4_250)
PRICES_IN_WEI = Function("getPricesInWei", [], ["uint256"] * 6)


def _by_two_sizes(answers: Sequence[bytes]) -> DataFee:
    """Of what a transaction of each of `SIZES` costs at most, whose bytes are taken to be packed already."""
    small, large = (L1_FEE_UPPER_BOUND.result(answer)[0] for answer in answers)
    per_kilobyte = (large - small) * KILOBYTE // (SIZES[1] - SIZES[0])
    return DataFee(small - per_kilobyte * SIZES[0] // KILOBYTE, per_kilobyte)


def _by_the_byte(answers: Sequence[bytes]) -> DataFee:
    """The second of the prices is that of a byte, of which a transaction's own brotli is counted."""
    return DataFee(0, PRICES_IN_WEI.result(answers[0])[1] * KILOBYTE)


ROLLUPS: Final[Mapping[str, Rollup]] = {
    # GasPriceOracle from Fjord on. It adds 68 bytes for the signature and 16 and a 255th for what does not pack.
    # Source: https://specs.optimism.io/protocol/fjord/predeploys.html#gaspriceoracle
    "op_stack": Rollup(
        "0x420000000000000000000000000000000000000f",
        tuple(L1_FEE_UPPER_BOUND.call(size) for size in SIZES),
        _by_two_sizes,
        unpacked=85,
        is_beside_gas=True,
    ),
    # ArbGasInfo. Source: https://github.com/OffchainLabs/nitro/blob/master/precompiles/ArbGasInfo.go
    "arbitrum": Rollup(
        "0x000000000000000000000000000000000000006c",
        (PRICES_IN_WEI.call(),),
        _by_the_byte,
        unpacked=0,
        is_beside_gas=False,
    ),
}


class DataFees:
    """The data fee of one chain as it was last known; nothing on a chain that is no rollup."""

    def __init__(self, rollup: str) -> None:
        self._rollup = ROLLUPS.get(rollup)
        self._known: DataFee | None = None
        self._rests_until = float("-inf")
        self._is_lost = self._is_warned = False

    @property
    def unpacked(self) -> int:
        """See `Rollup`."""
        return self._rollup.unpacked if self._rollup else 0

    @property
    def known(self) -> DataFee:
        """What bytes cost as they are packed."""
        return self._known or DataFee()

    @property
    def is_beside_gas(self) -> bool:
        """Whether the chain takes such a fee beside the gas."""
        return self._rollup is not None and self._rollup.is_beside_gas

    @property
    def beside_gas(self) -> DataFee:
        """What of it a wallet must have beside the gas."""
        return self.known if self.is_beside_gas else DataFee()

    def most_believed(self, size: int) -> int:
        """The most wei beside the gas for `size` bytes that is believed of one node alone."""
        if not self.is_beside_gas:
            return 0
        if self._known is None:
            return DataFee(0, MOST_PER_KILOBYTE).at(size)
        return BELIEVED_TIMES * self._known.at(size)

    def calls(self) -> list[Call]:
        """What a node is asked for; none while the contract rests."""
        if self._rollup is None or time.monotonic() < self._rests_until:
            return []
        to = self._rollup.contract
        fields = [{"to": to, "data": "0x" + data.hex(), "gas": hex(GAS)} for data in self._rollup.calls]
        return [("eth_call", [field, "latest"]) for field in fields]

    def take(self, answers: Sequence[object]) -> None:
        """Take in what a node answered to `calls`; none where it was asked nothing."""
        if self._rollup is None or not answers:
            return
        try:
            fee = self._rollup.read([_returned(answer) for answer in answers])
            if not 0 <= fee.per_kilobyte <= MOST_PER_KILOBYTE or abs(fee.base) > MOST_PER_KILOBYTE:
                raise BadAnswer(f"{fee.per_kilobyte} wei for a kilobyte")
        except BadAnswer as error:
            self._lose(error.detail)
            return
        if self._is_lost:
            logger.info("the data fee is known again")
        self._known, self._is_lost = fee, False

    def counted(self, in_receipt: int | None) -> int | None:
        """What of the fee in a receipt counts: none where the chain takes none beside the gas.

        Says once where a receipt lacks it, or names one on a chain that is said to take none: it is reported without.
        """
        if self.is_beside_gas == (in_receipt is None) and not self._is_warned:
            self._is_warned = True
            why = (
                "receipts of this chain's nodes name no l1Fee"
                if self.is_beside_gas
                else 'receipts name an l1Fee, and CHAINS_FILE has no "data_fee": "op_stack" for this chain'
            )
            logger.warning("%s: what was paid for data is not reported", why)
        return in_receipt if self.is_beside_gas else None

    def rest(self, why: str) -> None:
        """Ask nothing for a while: a request failed that may succeed without these calls."""
        self._rests_until = time.monotonic() + REST_S
        self._lose(why)

    def _lose(self, why: str) -> None:
        if not self._is_lost:
            counted = "nothing is counted for data" if self._known is None else "what was last known counts on"
            logger.warning("the data fee is not known: %s; %s", why, counted)
        self._is_lost = True


def _returned(answer: object) -> bytes:
    if isinstance(answer, RpcError):
        raise BadAnswer(f"a refusal of its contract: {answer.message}")
    if not isinstance(answer, bytes) or not answer:
        raise BadAnswer("there is no contract that says it")
    return answer
