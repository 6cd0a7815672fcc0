"""Chains on the local node that know its market already, as those of an engine do that has run for a while.

A whole look at the market takes a fifth of a second, and each test has chains of its own. They go on from the state
after the block from which all tests begin, by the events of the blocks since. What a first look does is for chains that
know nothing, `world.chain()`.
"""

from copy import deepcopy
from dataclasses import replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dex.chains.evm import EvmChain
    from dex.chains.evm.local.world import World
    from dex.chains.evm.pools.reader import Whole

_seen: dict[str, "Whole"] = {}


def remember_market(world: "World") -> None:
    """Look at the market of this block, which every test must have behind it."""
    reader = world.chain()._market._reader
    _seen[world.anvil.url] = reader.read(reader.newest())


def knowing_chain(world: "World", **options: Any) -> "EvmChain":
    """As `world.chain`, with the market known where the options name no other contracts or tokens."""
    chain = world.chain(**options)
    deployment = options.get("deployment", world.deployment)
    is_same_market = replace(deployment, data_fee=world.deployment.data_fee) == world.deployment
    if is_same_market and "tokens" not in options:
        whole = _seen[world.anvil.url]
        chain._market._reader.adopt(whole._replace(states=deepcopy(whole.states)))
    return chain
