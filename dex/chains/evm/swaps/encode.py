"""The call that makes a swap: of the router that the chain is traded with, or a batch that the wallet makes itself."""

from typing import NamedTuple

from dex.chains.evm.abi import contracts
from dex.chains.evm.config.options import EvmOptions
from dex.chains.evm.pools.market import EvmMarket
from dex.chains.evm.swaps.batch import needs_batch, swap_batch
from dex.chains.evm.swaps.gas import gas_for, gas_for_batch
from dex.chains.evm.swaps.room import with_room
from dex.chains.evm.swaps.router_calls import swap_calls
from dex.chains.evm.swaps.universal import commands_of
from dex.chains.evm.swaps.wrapping import Native
from dex.types import SwapIntent


class ContractCall(NamedTuple):
    """Who is called with which bytes, native atoms to send along, and the limit of gas."""

    to: str
    data: bytes
    value: int
    gas: int


def encode_swap(intent: SwapIntent, options: EvmOptions, market: EvmMarket, native: Native) -> ContractCall:
    """The call of an intent, by the pools as they were last seen. Raises: BroadcastRejected."""
    intent = with_room(intent, native)
    route, extra = intent.route, options.deployment.extra_gas
    if needs_batch(route, market.facts):
        calls = swap_batch(intent, market.facts, native, options.deployment.router)
        gas = gas_for_batch(route, len(calls), market.pool, extra)
        return ContractCall(intent.wallet, contracts.EXECUTE_BATCH.call(calls), 0, gas)
    write = commands_of if options.universal_router else swap_calls
    data, value = write(intent, market.facts, native)
    return ContractCall(options.router, data, value, gas_for(route, market.pool, extra))
