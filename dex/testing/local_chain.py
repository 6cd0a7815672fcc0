"""Fixtures of tests that trade on a local node with the real contracts; the root conftest.py loads them.

Blocks are made by `world.anvil.mine()` alone, and each test leaves the chain as it found it.
"""

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from dex.testing.known_market import remember_market

if TYPE_CHECKING:
    from dex.chains.evm.local.world import World

NPM_MISSING = "npm is not on this machine: the EVM chain is NOT tested (install Node.js)"

# Above it each test has an address that its blocks name.
COINBASES = 0xB10C << 128


@pytest.fixture(scope="session")
def local_node(tmp_path_factory: pytest.TempPathFactory) -> Iterator["World"]:
    """One node for the run."""
    # Only where such tests run: loading what speaks to nodes takes half a second.
    from dex.chains.evm.local.install import has_npm
    from dex.chains.evm.local.world import local_world

    if not has_npm():
        if os.environ.get("CI"):
            pytest.fail(NPM_MISSING)
        pytest.skip(NPM_MISSING)
    with local_world(tmp_path_factory.mktemp("chain") / "anvil.log") as world:
        world.anvil.ask("evm_setAutomine", False)
        remember_market(world)
        yield world


@pytest.fixture
def world(local_node: "World") -> Iterator["World"]:
    """The node as it was after its market was deployed."""
    snapshot = local_node.anvil.ask("evm_snapshot")
    # After some hundred blocks anvil moves the oldest states to its disk, by their blocks' hashes, and a reorg back to
    # one of them loses the code of all contracts. So each test goes back to a block of its own, whose hash no earlier
    # test's block had: with equal ones the newest state is moved when its twin's turn comes.
    local_node.anvil.ask("anvil_setCoinbase", f"0x{COINBASES + int(snapshot, 16):040x}")
    local_node.anvil.mine()
    yield local_node
    local_node.anvil.ask("anvil_dropAllTransactions")
    local_node.anvil.ask("evm_revert", snapshot)


@pytest.fixture
def ticking(world: "World") -> Iterator["World"]:
    """No two blocks have one time, as on a real chain: a pair adds up its prices once each second."""
    world.anvil.ask("anvil_setBlockTimestampInterval", 1)
    yield world
    world.anvil.ask("anvil_removeBlockTimestampInterval")
