"""The fees for a place in one of the next blocks, and what they make gas cost.

Source: https://eips.ethereum.org/EIPS/eip-1559 and https://ethereum.github.io/execution-apis (eth_feeHistory)
"""

from statistics import median_low

from dex.chains.evm.answers import FeeHistory
from dex.chains.evm.config.options import EvmOptions
from dex.chains.evm.nodes.replies import Call
from dex.costs import FeeStrategy
from dex.errors import FeesTooHigh
from dex.types import Fees

BLOCKS = 10
# Of what the transactions of a block tipped.
PERCENTILES = {FeeStrategy.SLOW: 10, FeeStrategy.NORMAL: 50, FeeStrategy.FAST: 90}
# The base fee grows by an eighth a block at most: twice of it lasts for six full blocks.
BASE_FEE_FACTOR = 2
FEE_HISTORY: Call = ("eth_feeHistory", [hex(BLOCKS), "latest", list(PERCENTILES.values())])


def offers_of(history: FeeHistory, options: EvmOptions) -> dict[FeeStrategy, Fees]:
    """The fees for the next blocks by strategy, within the caps.

    Raises: FeesTooHigh when the cap does not let the normal ones through.
    """
    base, tips = history.base_fees[-1], tips_of(history, options)
    wanted = base + tips[FeeStrategy.NORMAL]
    if wanted > options.max_fee:
        raise FeesTooHigh(
            f"the network asks {wanted} wei per gas, above the most that is allowed here, {options.max_fee}"
        )
    return {strategy: Fees(min(BASE_FEE_FACTOR * base + tip, options.max_fee), tip) for strategy, tip in tips.items()}


def gas_prices(history: FeeHistory, options: EvmOptions) -> dict[FeeStrategy, int]:
    """What a transaction of the next block pays per gas by strategy, in wei: the base fee and its tip.

    Also above the cap, under which such a transaction waits.
    """
    return {strategy: history.base_fees[-1] + tip for strategy, tip in tips_of(history, options).items()}


def tips_of(history: FeeHistory, options: EvmOptions) -> dict[FeeStrategy, int]:
    """The tip of each strategy: the median over the blocks of its percentile, within the caps.

    A fast one takes what the cap leaves beside the base fee, where that is less.
    """
    slow, normal, fast = (
        min(max(_median(history, column), options.min_priority_fee), options.max_priority_fee)
        for column in range(len(PERCENTILES))
    )
    room = options.max_fee - history.base_fees[-1]
    return {
        FeeStrategy.SLOW: min(slow, normal),
        FeeStrategy.NORMAL: normal,
        FeeStrategy.FAST: max(normal, min(fast, room)),
    }


def _median(history: FeeHistory, column: int) -> int:
    tips = [row[column] for row in history.tips if row]
    return median_low(tips) if tips else 0
