"""The functions and events of the contracts that the adapter talks to."""

from dex.chains.evm.abi.codec import Event, Function

# ERC-20. Source: https://eips.ethereum.org/EIPS/eip-20
BALANCE_OF = Function("balanceOf", ["address"], ["uint256"])
ALLOWANCE = Function("allowance", ["address", "address"], ["uint256"])
APPROVE = Function("approve", ["address", "uint256"], ["bool"])
TRANSFER_TO = Function("transfer", ["address", "uint256"], ["bool"])
DECIMALS = Function("decimals", [], ["uint8"])
TRANSFER = Event("Transfer(address,address,uint256)", ["address", "address"], ["uint256"])

# Wrapped native tokens. Source: https://github.com/gnosis/canonical-weth/blob/master/contracts/WETH9.sol
DEPOSIT = Event("Deposit(address,uint256)", ["address"], ["uint256"])
WITHDRAWAL = Event("Withdrawal(address,uint256)", ["address"], ["uint256"])

# Source: https://github.com/Uniswap/v2-core/tree/v1.0.1/contracts/interfaces
GET_PAIR = Function("getPair", ["address", "address"], ["address"])
PAIR_CREATED = Event("PairCreated(address,address,address,uint256)", ["address", "address"], ["address", "uint256"])
GET_RESERVES = Function("getReserves", [], ["uint112", "uint112", "uint32"])
SYNC = Event("Sync(uint112,uint112)", [], ["uint112", "uint112"])
SWAP_V2 = Event(
    "Swap(address,uint256,uint256,uint256,uint256,address)",
    ["address", "address"],
    ["uint256", "uint256", "uint256", "uint256"],
)

# Source: https://github.com/Uniswap/v3-core/tree/v1.0.0/contracts/interfaces
GET_POOL = Function("getPool", ["address", "address", "uint24"], ["address"])
POOL_CREATED = Event(
    "PoolCreated(address,address,uint24,int24,address)", ["address", "address", "uint24"], ["int24", "address"]
)
SLOT0 = Function("slot0", [], ["uint160", "int24"])  # what follows differs between forks and is not needed
LIQUIDITY = Function("liquidity", [], ["uint128"])
TICK_SPACING = Function("feeAmountTickSpacing", ["uint24"], ["int24"])  # of the factory: it never changes
TICK_BITMAP = Function("tickBitmap", ["int16"], ["uint256"])
TICKS = Function("ticks", ["int24"], ["uint128", "int128"])
SWAP_V3 = Event(
    "Swap(address,address,int256,int256,uint160,uint128,int24)",
    ["address", "address"],
    ["int256", "int256", "uint160", "uint128", "int24"],
)
# The fork also tells what of the fee goes to the protocol.
# Source: https://github.com/pancakeswap/pancake-v3-contracts (IPancakeV3PoolEvents.sol)
SWAP_PANCAKE_V3 = Event(
    "Swap(address,address,int256,int256,uint160,uint128,int24,uint128,uint128)",
    ["address", "address"],
    ["int256", "int256", "uint160", "uint128", "int24", "uint128", "uint128"],
)
MINT = Event(
    "Mint(address,address,int24,int24,uint128,uint256,uint256)",
    ["address", "int24", "int24"],
    ["address", "uint128", "uint256", "uint256"],
)
BURN = Event(
    "Burn(address,int24,int24,uint128,uint256,uint256)",
    ["address", "int24", "int24"],
    ["uint128", "uint256", "uint256"],
)
COLLECT = Event(
    "Collect(address,address,int24,int24,uint128,uint128)",
    ["address", "int24", "int24"],
    ["address", "uint128", "uint128"],
)
COLLECT_PROTOCOL = Event(
    "CollectProtocol(address,address,uint128,uint128)", ["address", "address"], ["uint128", "uint128"]
)
FLASH = Event(
    "Flash(address,address,uint256,uint256,uint256,uint256)",
    ["address", "address"],
    ["uint256", "uint256", "uint256", "uint256"],
)
INITIALIZE = Event("Initialize(uint160,int24)", [], ["uint160", "int24"])

# Source: https://github.com/Uniswap/swap-router-contracts/tree/v1.3.1/contracts/interfaces
MULTICALL = Function("multicall", ["uint256", "bytes[]"], ["bytes[]"])
# Two amounts, the tokens on the way, the recipient.
SELL_V2 = Function("swapExactTokensForTokens", ["uint256", "uint256", "address[]", "address"], ["uint256"])
BUY_V2 = Function("swapTokensForExactTokens", ["uint256", "uint256", "address[]", "address"], ["uint256"])
# Tokens on the way with the fees between them, the recipient, two amounts.
SELL_V3 = Function("exactInput", ["(bytes,address,uint256,uint256)"], ["uint256"])
BUY_V3 = Function("exactOutput", ["(bytes,address,uint256,uint256)"], ["uint256"])
SWEEP = Function("sweepToken", ["address", "uint256", "address"])
UNWRAP = Function("unwrapWETH9", ["uint256", "address"])
WRAP = Function("wrapETH", ["uint256"])
PULL = Function("pull", ["address", "uint256"])
REFUND = Function("refundETH")

# Of Router02, which other V2 factories have too: it sells what the first pair was given beyond its reserve.
# Source: https://github.com/Uniswap/v2-periphery/blob/master/contracts/UniswapV2Router02.sol
SELL_GIVEN_V2 = Function(
    "swapExactTokensForTokensSupportingFeeOnTransferTokens",
    ["uint256", "uint256", "address[]", "address", "uint256"],
)

# Source: https://github.com/eth-infinitism/account-abstraction/blob/v0.8.0/contracts/core/BaseAccount.sol
EXECUTE_BATCH = Function("executeBatch", ["(address,uint256,bytes)[]"])
EXECUTE_ERROR = Function("ExecuteError", ["uint256", "bytes"])  # how it reverts, encoded like a call

# Source: https://github.com/Uniswap/v3-periphery/blob/v1.3.0/contracts/lens/UniswapInterfaceMulticall.sol
READ_MANY = Function("multicall", ["(address,uint256,bytes)[]"], ["uint256", "(bool,uint256,bytes)[]"])
