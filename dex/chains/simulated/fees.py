"""What the simulated chain charges: a fixed part per transaction, and a priority part per swap of the signed route.

As on Solana: a fee per signature, and a price times the compute units that a transaction asks for, paid in full by a
transaction that fails as well (https://solana.com/docs/core/fees). What is charged follows from the signed bytes alone,
so no later setting changes it.
"""

from collections.abc import Mapping
from decimal import Decimal

from dex.costs import Costs, FeeStrategy
from dex.types import Fees, Intent, SwapIntent

NATIVE, DECIMALS = "SOL", 9
# Receives every fee, so that the supply stays the same.
COLLECTOR = "sim:fees"
# Atoms of NATIVE, as Solana's 5,000 lamports for a signature.
TRANSACTION_FEE = 5_000
# `Fees.priority_fee` is stated in this part of an atom per swap, so that no bump of an eighth is rounded away.
PRICE_SCALE = 10_000
# What of the usual price for a swap each strategy offers. There is no competition: it buys no earlier block.
PERCENT = {FeeStrategy.SLOW: 50, FeeStrategy.NORMAL: 100, FeeStrategy.FAST: 200}
# The limit that is stated: it limits nothing here, but a replacement must raise it (`Fees.bumped`).
MAX_FEE = 2_000_000_000


def offered(swap_fee: int, strategy: FeeStrategy = FeeStrategy.NORMAL) -> Fees:
    """The fees of a strategy where a swap usually costs `swap_fee` atoms."""
    return Fees(max(MAX_FEE, _priority(swap_fee, FeeStrategy.FAST)), _priority(swap_fee, strategy))


def fee_of(intent: Intent) -> int:
    """Atoms of NATIVE that a block takes for a transaction, also where its swaps fail."""
    swaps = len(intent.route.hops) if isinstance(intent, SwapIntent) else 0
    return TRANSACTION_FEE + swaps * _per_swap(intent.fees)


def costs(swap_fee: int) -> Mapping[FeeStrategy, Costs]:
    """What transactions cost by strategy: to the atom what `fee_of` says of their first bytes."""
    return {
        strategy: Costs(NATIVE, TRANSACTION_FEE, other_swap=_per_swap(offered(swap_fee, strategy)))
        for strategy in FeeStrategy
    }


def shown(atoms: int) -> str:
    """Atoms of NATIVE for people."""
    return f"{Decimal(atoms).scaleb(-DECIMALS).normalize():f} {NATIVE}"


def _priority(swap_fee: int, strategy: FeeStrategy) -> int:
    return swap_fee * PERCENT[strategy] * (PRICE_SCALE // 100)


def _per_swap(fees: Fees) -> int:
    return -(-fees.priority_fee // PRICE_SCALE)
