"""What the simulated chain can be told, and the faults it can act out."""

from dataclasses import dataclass

from dex.types import Fees

# What a place in a block costs while nobody is in a hurry. No fee is ever taken: bids only decide who goes first.
USUAL_FEES = Fees(max_fee=2_000_000_000, priority_fee=100_000_000)

# Per-order faults, by the name an order carries, with what they do.
SCENARIOS: dict[str, str] = {
    "none": "nothing out of the ordinary",
    "slippage": "a rival trades first in the same block, just enough that the order's limit is missed, and back after",
    "network": "the first broadcast does not get through",
    "timeout": "the first broadcast gets through, its answer does not",
    "dropped": "the mempool forgets the transaction until it is broadcast again",
    "slow": "the transaction is left out of blocks for a while; later nonces of its wallet wait with it",
    "stuck": "the usual fee is too low for the transaction: no block takes it until one that bids more replaces it",
    "race": "as stuck, but once the replacement has arrived a block takes the first one after all",
    "reorg": "a block after its inclusion the chain takes both back once; needs SIM_CONFIRMATIONS of 3 or more",
}


@dataclass(frozen=True, slots=True)
class SimulatedOptions:
    """Times in milliseconds. Latency is paid once per batch call, as one round trip to a real node would be.

    `block_time_ms` 0 makes a block as soon as anything is pending. A block is final under `required_confirmations`
    blocks, itself counted. `noise_trades` is how many swaps of other
    traders each block holds, `seed` decides which. `slow_ms` bounds the scenario `slow`.
    """

    block_time_ms: int = 0
    quote_delay_ms: int = 0
    build_delay_ms: int = 0
    submit_delay_ms: int = 0
    noise_trades: int = 0
    seed: int = 7
    slow_ms: int = 1_500
    required_confirmations: int = 1
    chain_id: str = "simulated"
