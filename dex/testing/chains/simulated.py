"""The simulated chain on a bench: blocks at once, no latency, no other traders."""

import pytest

from dex.chains.simulated import SimulatedChain, SimulatedOptions
from dex.chains.simulated.fees import NATIVE
from dex.testing.chain_bench import ChainBench

MARKS = (pytest.mark.django_db(transaction=True),)


def bench(transactional_db: None) -> ChainBench:
    """See `ChainBench`."""
    chain = SimulatedChain(SimulatedOptions(required_confirmations=3))
    return ChainBench(chain, chain.mine, lambda depth: _forget(chain, depth), NATIVE)


def _forget(chain: SimulatedChain, depth: int) -> None:
    chain.reorg(depth, None)
