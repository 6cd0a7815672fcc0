"""Faults that an order may ask a chain to act out, by the name that it carries. Real chains refuse all but none."""

SCENARIOS: dict[str, str] = {
    "none": "nothing out of the ordinary",
    "slippage": "a rival trades first in the same block, just enough that the order's limit is missed, and back after",
    "network": "the first broadcast does not get through",
    "timeout": "the first broadcast gets through, its answer does not",
    "dropped": "the mempool forgets the transaction until it is broadcast again",
    "slow": "the transaction is left out of blocks for a while; later nonces of its wallet wait with it",
    "stuck": "the usual fee is too low for the transaction: no block takes it until a replacement with a fee bump",
    "race": "as stuck, but once the replacement has arrived a block takes the first one after all",
    "reorg": "a block after its inclusion the chain takes both back once; needs SIM_CONFIRMATIONS of 3 or more",
}
