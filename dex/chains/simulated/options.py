"""What the simulated chain can be told, and the faults it can act out."""

from dataclasses import dataclass

from dex.chains.simulated.fees import offered

# Atoms of SOL that a swap costs beside the transaction's fixed part: about 0.0014 USD at the price of the genesis. Of
# a sale of 250 SOL it leaves two swaps of three, without the one of 0.001 % of the order.
SWAP_FEE = 10_000
# What a transaction offers with no setting changed.
USUAL_FEES = offered(SWAP_FEE)


@dataclass(frozen=True, slots=True)
class SimulatedOptions:
    """Times in milliseconds. Latency is paid once per batch call, as one round trip to a real node would be.

    `block_time_ms` 0 makes a block as soon as anything is pending. A block is final under `required_confirmations`
    blocks, itself counted. `noise_trades` is how many swaps of other traders each block holds, `seed` decides which.
    `slow_ms` bounds the scenario `slow`. `swap_fee` is what a swap costs at normal fees, in atoms of the native token,
    beside the fixed part of its transaction.
    """

    block_time_ms: int = 0
    quote_delay_ms: int = 0
    build_delay_ms: int = 0
    submit_delay_ms: int = 0
    noise_trades: int = 0
    seed: int = 7
    slow_ms: int = 1_500
    required_confirmations: int = 1
    swap_fee: int = SWAP_FEE
    chain_id: str = "simulated"
