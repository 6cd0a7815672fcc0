"""How much gas and how many packed bytes a swap is expected to take: what routes are compared by, before one is known.

Measured on the local chain with the contracts of Uniswap V2 and V3, their routers and the batch account, in pools that
have traded before and for wallets that hold some of the token that they buy; a test executes swaps of every kind and
compares. A wallet's first balance of a token takes 17,100 more, the first swaps of a new pool up to 40,000 more, and a
token behind a proxy some thousands for each transfer: none of that is counted.

Cross-check, by the figures of Uniswap's own router: 21,000 + 2,000 + 15,000 for a route through one V3 pool, 80,000 a
V3 swap, 31,000 a tick, 27,938 for wrapping, 115,000 for a route through one V2 pair.
Source: https://github.com/Uniswap/smart-order-router (src/routers/alpha-router/gas-models, gas-costs.ts and v2)
Pools and pairs of forks (SushiSwap, PancakeSwap) are the same code, and take the same.
"""

from collections.abc import Mapping
from typing import Final

from dex.pools.kinds.bins import StaticBinsPool
from dex.pools.kinds.uniswap_v2 import UniswapV2Pool
from dex.pools.kinds.uniswap_v3 import UniswapV3Pool

# 21,000 of every transaction, the frame of its calldata, and the router's deadline.
PER_TRANSACTION: Final = 30_000
# More where the router takes it through Permit2.
THROUGH_PERMIT2: Final = 4_000
# A swap with its transfers and its calldata, which the wallet pays.
PER_SWAP: Final[Mapping[str, int]] = {
    UniswapV2Pool.kind: 76_000,
    UniswapV3Pool.kind: 84_000,
    # Wrapping or unwrapping and nothing else: 23,000 to 45,000.
    StaticBinsPool.kind: 30_000,
}
# One that the router pays with what it has bought: no allowance is read, and balances on the way are set back.
PER_NEXT: Final[Mapping[str, int]] = {
    UniswapV2Pool.kind: 59_000,
    UniswapV3Pool.kind: 69_000,
    # Unwrapping at the end 20,000. Wrapping at the start 4,000, and 23,000 for each further swap of what is wrapped.
    StaticBinsPool.kind: 14_000,
}
# Once more in a pool that an earlier leg has gone through: its storage is known to the transaction by then.
PER_REPEAT: Final[Mapping[str, int]] = {UniswapV2Pool.kind: 46_000, UniswapV3Pool.kind: 52_000}
# A pool of a kind that is not measured is taken to be as dear as the dearest.
OTHER_SWAP: Final = max(PER_SWAP.values())
# Each initialized tick that is crossed; 60,000 the first time.
PER_TICK: Final[Mapping[str, int]] = {UniswapV3Pool.kind: 30_000}

# Of signed bytes, packed as rollups count them. Raw, a transaction of one swap takes 535 to 890 bytes, of eleven 5,700.
PACKED_PER_TRANSACTION: Final = 220
# Wrapping adds next to nothing.
PACKED_PER_SWAP: Final = 70
# Once more in a pool that an earlier leg has gone through: its tokens are packed as a reference to that leg.
PACKED_PER_REPEAT: Final = 10
