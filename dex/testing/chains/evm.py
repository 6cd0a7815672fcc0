"""An EVM chain on a bench: the local node, whose blocks are made by hand."""

from typing import TYPE_CHECKING

import pytest

from dex.testing.chain_bench import ChainBench
from dex.testing.known_market import knowing_chain

if TYPE_CHECKING:
    from dex.chains.evm.local.world import World

MARKS = (pytest.mark.chain,)


def bench(world: "World") -> ChainBench:
    """See `ChainBench`."""
    return ChainBench(knowing_chain(world), world.anvil.mine, lambda depth: _forget(world, depth), gas="ETH")


def _forget(world: "World", depth: int) -> None:
    world.anvil.ask("anvil_reorg", depth, [])
    world.anvil.ask("anvil_dropAllTransactions")
