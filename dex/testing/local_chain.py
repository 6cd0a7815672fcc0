"""Fixtures of tests that trade on a local node with the real contracts; a conftest.py imports them.

Blocks are made by `world.anvil.mine()` alone, and each test leaves the chain as it found it.
"""

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from dex.chains.evm.local.world import World

NPM_MISSING = "npm is not on this machine: the EVM chain is NOT tested (install Node.js)"


@pytest.fixture(scope="session")
def local_node(tmp_path_factory: pytest.TempPathFactory) -> Iterator["World"]:
    """One node for the run."""
    # Only where such tests run: loading what speaks to nodes takes seconds.
    from dex.chains.evm.local.install import has_npm
    from dex.chains.evm.local.world import local_world

    if not has_npm():
        if os.environ.get("CI"):
            pytest.fail(NPM_MISSING)
        pytest.skip(NPM_MISSING)
    with local_world(tmp_path_factory.mktemp("chain") / "anvil.log") as world:
        world.anvil.ask("evm_setAutomine", False)
        yield world


@pytest.fixture
def world(local_node: "World") -> Iterator["World"]:
    """The node as it was after its market was deployed."""
    snapshot = local_node.anvil.ask("evm_snapshot")
    # After some hundred blocks anvil moves the state behind the snapshot to its disk, and a reorg back to there loses
    # the code of all contracts. It goes back to a block of the test's own now.
    local_node.anvil.mine()
    yield local_node
    local_node.anvil.ask("anvil_dropAllTransactions")
    local_node.anvil.ask("evm_revert", snapshot)
