"""What transactions cost at the fees of the moment, in the chain's own token, by the strategy of their fees."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from dex.chains.evm.answers import FeeHistory
from dex.chains.evm.config.options import EvmOptions
from dex.chains.evm.fields import BadAnswer, kind_of
from dex.chains.evm.nodes.errors import RpcError
from dex.chains.evm.nodes.replies import Call
from dex.chains.evm.nodes.rpc import Rpc
from dex.chains.evm.swaps.expected_gas import (
    OTHER_SWAP,
    PACKED_PER_REPEAT,
    PACKED_PER_SWAP,
    PACKED_PER_TRANSACTION,
    PER_NEXT,
    PER_REPEAT,
    PER_SWAP,
    PER_TICK,
    PER_TRANSACTION,
    THROUGH_PERMIT2,
)
from dex.chains.evm.swaps.wrapping import native_of
from dex.chains.evm.transactions.data_fees import KILOBYTE, DataFees
from dex.chains.evm.transactions.fees import FEE_HISTORY, gas_prices
from dex.costs import Costs, FeeStrategy
from dex.errors import ChainUnavailable
from dex.pools.kinds.bins import StaticBinsPool

Taken = TypeVar("Taken")
StrategyCosts = Mapping[FeeStrategy, Costs]


class NetworkCosts:
    """Costs of one chain out of what a node says: `read` asks it, `taken` and `history` make something of that."""

    def __init__(self, options: EvmOptions) -> None:
        self._options = options
        self.data_fees = DataFees(options.deployment.data_fee)

    def read(self, rpc: Rpc, before: Sequence[Call], take: Callable[[Sequence[Any]], Taken]) -> Taken:
        """What `take` makes of the answers to these calls, to the one for fees and to those for the fee for data.

        All in one request. Where it fails it is made again without what may do: no contract of the chain stops a
        quote. Raises: ChainUnavailable.
        """
        needed, data = [*before, FEE_HISTORY], self.data_fees.calls()
        try:
            return rpc.read_taken([*needed, *data], take)
        except ChainUnavailable as error:
            if not data:
                raise
            found = rpc.read_taken(needed, take)
            self.data_fees.rest(error.detail)
            return found

    def history(self, answers: Sequence[Any]) -> FeeHistory:
        """The fees in these answers, behind which those for data are taken in. Raises: BadAnswer without fees."""
        history, *data = answers
        if not isinstance(history, FeeHistory):
            words = history.message if isinstance(history, RpcError) else kind_of(history)
            raise BadAnswer(f"a refusal of {FEE_HISTORY[0]}: {words}")
        self.data_fees.take(data)
        return history

    def taken(self, answers: Sequence[Any]) -> StrategyCosts:
        """The costs in its answers. Raises: BadAnswer without fees; a data fee may be that of before."""
        prices = gas_prices(self.history(answers), self._options)
        return {strategy: self._costs(price) for strategy, price in prices.items()}

    def _costs(self, price: int) -> Costs:
        """At `price` wei per gas."""
        fee, permit2 = self.data_fees.known, THROUGH_PERMIT2 if self._options.universal_router else 0
        of_swap, of_repeat = (fee.per_kilobyte * size // KILOBYTE for size in (PACKED_PER_SWAP, PACKED_PER_REPEAT))

        def with_data(table: Mapping[str, int], each: int) -> dict[str, int]:
            data = dict.fromkeys(table, each) | {StaticBinsPool.kind: 0}
            return {kind: gas * price + data[kind] for kind, gas in table.items()}

        return Costs(
            token=self._options.deployment.native_symbol,
            per_transaction=(PER_TRANSACTION + permit2) * price
            + fee.at(PACKED_PER_TRANSACTION - self.data_fees.unpacked),
            per_swap=with_data(PER_SWAP, of_swap),
            other_swap=OTHER_SWAP * price + of_swap,
            per_tick={kind: gas * price for kind, gas in PER_TICK.items()},
            per_next=with_data(PER_NEXT, of_swap),
            per_repeat=with_data(PER_REPEAT, of_repeat),
            wrapped=native_of(self._options).wrapped_symbol,
        )
