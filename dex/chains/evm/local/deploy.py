"""Puts the contracts, tokens and pools of the local market on a fresh node, the same way the protocols did."""

import math
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from dex.chains.evm.abi.codec import Function
from dex.chains.evm.abi.contracts import APPROVE
from dex.chains.evm.config.deployments import LOCAL_NAME, Deployment, Fork
from dex.chains.evm.config.options import ListedToken
from dex.chains.evm.local.contracts import Deployer, permit2_code
from dex.chains.evm.local.market import FORK, POOLS, TOKENS, WRAPPED, LocalPool, LocalToken, atoms_worth
from dex.chains.evm.local.node import CHAIN_ID, Anvil
from dex.chains.evm.transactions.permit2 import PERMIT2
from dex.pools.kinds.uniswap_v3 import MAX_TICK, UniswapV3Pool
from dex.pools.math.ticks import tick_at

MINT_TOKENS = Function("mint", ["uint256"])
DEPOSIT = Function("deposit")
ENABLE_FEE = Function("enableFeeAmount", ["uint24", "int24"])
CREATE_POOL = Function("createAndInitializePoolIfNecessary", ["address", "address", "uint24", "uint160"])
ADD_LIQUIDITY = Function(
    "addLiquidity", ["address", "address", "uint256", "uint256", "uint256", "uint256", "address", "uint256"]
)
MINT_POSITION = Function(
    "mint", ["(address,address,uint24,int24,int24,uint256,uint256,uint256,uint256,address,uint256)"]
)
SPACINGS = {100: 1, 500: 10, 3_000: 60, 10_000: 200}
# Of each token, for the deployer: enough for every pool and for thousands of wallets. The wrapped ones need real ones.
SUPPLY_UNITS, SUPPLY_WRAPPED = 10**12, 10**8
NEVER = 2**63


@dataclass(frozen=True, slots=True)
class Deployed:
    """What stands on the node: what the engine uses, and the contracts by which others add liquidity."""

    deployment: Deployment
    tokens: tuple[ListedToken, ...]
    router_v2: str
    manager: str
    universal_router: str

    @property
    def fork(self) -> Fork:
        """The second V2 factory."""
        return self.deployment.forks[0]


def deploy(anvil: Anvil, folder: Path) -> Deployed:
    """The whole local market. The node must mine each transaction at once. Raises: LocalChainError."""
    deployer = Deployer(anvil, folder, anvil.accounts()[0])
    weth = deployer.deploy("WETH9")
    factory_v2 = deployer.deploy("UniswapV2Factory", ["address"], [deployer.account])
    router_v2 = deployer.deploy("UniswapV2Router02", ["address", "address"], [factory_v2, weth])
    factory = deployer.deploy("UniswapV2Factory", ["address"], [deployer.account])
    fork = Fork(FORK, factory, deployer.deploy("UniswapV2Router02", ["address", "address"], [factory, weth]))
    factory_v3 = deployer.deploy("UniswapV3Factory")
    deployer.call(factory_v3, ENABLE_FEE, 100, 1)
    # Its third contract only draws pictures of positions.
    manager = deployer.deploy("NonfungiblePositionManager", ["address"] * 3, [factory_v3, weth, weth])
    deployment = Deployment(
        name=LOCAL_NAME,
        chain_id=CHAIN_ID,
        wrapped_native=weth,
        factory_v2=factory_v2,
        factory_v3=factory_v3,
        router=deployer.deploy("SwapRouter02", ["address"] * 4, [factory_v2, factory_v3, manager, weth]),
        quoter=deployer.deploy("QuoterV2", ["address", "address"], [factory_v3, weth]),
        multicall=deployer.deploy("UniswapInterfaceMulticall"),
        batch_account=deployer.deploy_anywhere("Simple7702Account"),
        forks=(fork,),
    )
    listed = tuple(_token(deployer, token, weth) for token in TOKENS)
    addresses = {token.symbol: token.address for token in listed}
    for spender in (router_v2, fork.router, manager):
        for address in addresses.values():
            deployer.call(address, APPROVE, spender, 2**200)
    for pool in POOLS:
        if pool.fee is None:
            _open_pair(deployer, fork.router if pool.is_of_fork else router_v2, pool, addresses)
        else:
            _open_pool(deployer, manager, pool, pool.fee, addresses)
    return Deployed(deployment, listed, router_v2, manager, _universal_router(deployer, deployment))


def _universal_router(deployer: Deployer, deployment: Deployment) -> str:
    """Beside the router that is used by default, with Permit2 where it is on every chain."""
    deployer.anvil.ask("anvil_setCode", PERMIT2, permit2_code(deployer.folder))
    none = "0x" + "00" * 20
    hashes = [bytes.fromhex(text[2:]) for text in (deployment.v2_init_code_hash, deployment.v3_init_code_hash)]
    factories = [deployment.factory_v2, deployment.factory_v3]
    # What moves positions and bridges is left out.
    arguments = [PERMIT2, deployment.wrapped_native, *factories, *hashes, *[none] * 4]
    types = [*["address"] * 4, "bytes32", "bytes32", *["address"] * 4]
    return deployer.deploy("UniversalRouter", types, arguments)


def _token(deployer: Deployer, token: LocalToken, weth: str) -> ListedToken:
    if token.symbol == WRAPPED:
        deployer.call(weth, DEPOSIT, value=SUPPLY_WRAPPED * 10**token.decimals)
        return ListedToken(token.symbol, token.name, token.decimals, weth)
    arguments = [token.name, token.symbol, token.decimals]
    address = deployer.deploy("MintableErc20", ["string", "string", "uint8"], arguments)
    deployer.call(address, MINT_TOKENS, SUPPLY_UNITS * 10**token.decimals)
    return ListedToken(token.symbol, token.name, token.decimals, address)


def _open_pair(deployer: Deployer, router: str, pool: LocalPool, addresses: dict[str, str]) -> None:
    tokens = [addresses[symbol] for symbol in pool.tokens]
    amounts = [atoms_worth(symbol, pool.usd) for symbol in pool.tokens]
    deployer.call(router, ADD_LIQUIDITY, *tokens, *amounts, 0, 0, deployer.account, NEVER)


def _open_pool(deployer: Deployer, manager: str, pool: LocalPool, fee: int, addresses: dict[str, str]) -> None:
    symbols = sorted(pool.tokens, key=lambda symbol: int(addresses[symbol], 16))
    tokens = [addresses[symbol] for symbol in symbols]
    price = Fraction(atoms_worth(symbols[1], 10**9), atoms_worth(symbols[0], 10**9))
    root = math.isqrt((price.numerator << 192) // price.denominator)
    deployer.call(manager, CREATE_POOL, *tokens, fee, root)
    spacing = SPACINGS[fee]
    middle = tick_at(root, 96, UniswapV3Pool.sqrt_price_at) // spacing * spacing
    amounts = [atoms_worth(symbol, pool.usd) // len(pool.ranges) for symbol in symbols]
    most = MAX_TICK // spacing * spacing
    for half in pool.ranges:
        width = most if half is None else max(spacing, half // spacing * spacing)
        ends = (-most, most) if half is None else (middle - width, middle + width + spacing)
        position = (*tokens, fee, *ends, *amounts, 0, 0, deployer.account, NEVER)
        deployer.call(manager, MINT_POSITION, position)
