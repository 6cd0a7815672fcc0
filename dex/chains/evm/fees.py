"""What to bid for a place in one of the next blocks.

Source: https://eips.ethereum.org/EIPS/eip-1559 and https://ethereum.github.io/execution-apis (eth_feeHistory)
"""

from statistics import median_low

from dex.chains.evm.answers import FeeHistory
from dex.chains.evm.options import EvmOptions
from dex.chains.evm.replies import Call
from dex.errors import FeesTooHigh
from dex.types import Fees

BLOCKS = 10
PERCENTILE = 50
# The base fee grows by an eighth a block at most: twice of it lasts for six full blocks.
BASE_FEE_FACTOR = 2
ASK: Call = ("eth_feeHistory", [hex(BLOCKS), "latest", [PERCENTILE]])


def fees_of(history: FeeHistory, options: EvmOptions) -> Fees:
    """The bid for the next blocks, within the caps. Raises: FeesTooHigh when the cap lets nothing through."""
    base = history.base_fees[-1]
    rewards = [row[0] for row in history.tips if row]
    usual = median_low(rewards) if rewards else 0
    tip = min(max(usual, options.min_priority_fee), options.max_priority_fee)
    if base + tip > options.max_fee:
        raise FeesTooHigh(
            f"the network asks {base + tip} wei per gas, above the most that is allowed here, {options.max_fee}"
        )
    return Fees(min(BASE_FEE_FACTOR * base + tip, options.max_fee), tip)
