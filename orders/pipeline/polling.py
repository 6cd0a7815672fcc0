"""How long a submitted order is left alone before the chain is asked about it again."""

from dex import Engine, Receipt

# The shortest pause between two looks at the same transaction, for any block time.
MIN_POLL_S = 0.05
# The longest one at an included transaction that is not final yet: a reorg that loses it must not go unnoticed.
MAX_DEPTH_WAIT_S = 1.0


def poll_interval_s(engine: Engine) -> float:
    """How long a transaction that no block has taken yet is left alone."""
    return max(MIN_POLL_S, engine.chain.timing.block_s)


def depth_wait_s(receipt: Receipt, engine: Engine) -> float:
    """How long one is left alone that some blocks more will make final: until they are there, if that is soon."""
    missing = engine.chain.timing.confirmations - receipt.confirmations
    poll_s = poll_interval_s(engine)
    return max(poll_s, min(MAX_DEPTH_WAIT_S, missing * poll_s))
