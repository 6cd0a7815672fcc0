"""The call that makes a swap: of the router that the chain is traded with, or a batch that the wallet makes itself."""

from typing import NamedTuple

from dex.chains.evm import abi
from dex.chains.evm.batch import needs_batch, swap_batch
from dex.chains.evm.gas import gas_for, gas_for_batch
from dex.chains.evm.market import EvmMarket
from dex.chains.evm.options import EvmOptions
from dex.chains.evm.router_calls import swap_calls
from dex.chains.evm.universal import commands_of
from dex.chains.evm.wrapping import Native
from dex.types import SwapIntent


class Draft(NamedTuple):
    """Who is called with which bytes, native atoms to send along, and the limit of gas."""

    to: str
    data: bytes
    value: int
    gas: int


def draft_of(intent: SwapIntent, options: EvmOptions, market: EvmMarket, native: Native) -> Draft:
    """The call of an intent, by the pools as they were last seen. Raises: BroadcastRejected."""
    route, extra = intent.route, options.deployment.extra_gas
    if needs_batch(route, market.facts):
        calls = swap_batch(intent, market.facts, native, options.deployment.router)
        gas = gas_for_batch(route, len(calls), market.pool, extra)
        return Draft(intent.wallet, abi.EXECUTE_BATCH.call(calls), 0, gas)
    write = commands_of if options.universal_router else swap_calls
    data, value = write(intent, market.facts, native)
    return Draft(options.router, data, value, gas_for(route, market.pool, extra))
