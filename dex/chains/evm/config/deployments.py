"""Where the contracts of each chain stand. One row per chain; every address has been compared with its source.

Init-code hashes are not needed to run, since factories are asked for their pools; `manage.py doctor` and tests
compare with them.
"""

from dataclasses import dataclass

LOCAL_NAME = "local"

# keccak256 of what deploys a pair and a pool.
# Source: https://github.com/Uniswap/sdks (v2-sdk and v3-sdk, src/constants.ts)
V2_INIT_CODE_HASH = "0x96e8ac4277198ff8b6f785478aa9a39f403cb768dd02cbee326c3e7da348845f"
V3_INIT_CODE_HASH = "0xe34f199b19b2b4f47f68442619d555527d244f78a3297ea89325f843f87b8b54"
UNISWAP_FEES = (100, 500, 3_000, 10_000)
_DOCS = "https://github.com/Uniswap/docs/blob/main/content/protocols/v3/deployments"


# Simple7702Account of npm @account-abstraction/contracts 0.8.0 (MIT), to which a wallet delegates its code by EIP-7702.
# Its address follows from its bytes (CREATE2, no salt), so it holds these bytes wherever it holds any; a test compares.
# Source: https://github.com/eth-infinitism/account-abstraction/blob/v0.8.0/contracts/accounts/Simple7702Account.sol
BATCH_ACCOUNT = "0xe6cae83bde06e4c305530e199d7217f42808555b"


@dataclass(frozen=True, slots=True)
class Fork:
    """A further V2 factory of a chain with its own Router02: for wallets that act in batches. The fee is in ppm."""

    venue: str
    factory: str
    router: str
    fee: int = 3_000
    init_code_hash: str = V2_INIT_CODE_HASH


@dataclass(frozen=True, slots=True)
class Deployment:
    """The contracts of one chain, addresses in lower case; an empty one is not there.

    `router` is SwapRouter02 or a fork with its functions, `multicall` Uniswap's own. `pool_deployer` is what pools
    are created by where that is not the factory. Fees in ppm; `v3_fees` are the tiers that pools are looked for in.
    `extra_gas` is what a transaction needs on top where the chain also charges for its bytes as gas. `data_fee` is
    how a rollup says what bytes cost: `op_stack` or `arbitrum`, empty where it charges nothing for them. Wallets that
    delegate their code to `batch_account` trade at the `forks` too, in one transaction with all the rest.
    """

    name: str
    chain_id: int
    wrapped_native: str
    factory_v2: str
    factory_v3: str
    router: str
    quoter: str
    multicall: str
    native_symbol: str = "ETH"
    venue_v2: str = "uniswap_v2"
    venue_v3: str = "uniswap_v3"
    v2_fee: int = 3_000
    v3_fees: tuple[int, ...] = UNISWAP_FEES
    v2_init_code_hash: str = V2_INIT_CODE_HASH
    v3_init_code_hash: str = V3_INIT_CODE_HASH
    pool_deployer: str = ""
    extra_gas: int = 0
    data_fee: str = ""
    batch_account: str = ""
    forks: tuple[Fork, ...] = ()
    source: str = ""

    @property
    def routers(self) -> frozenset[str]:
        """Everything that swaps go through."""
        return frozenset({self.router, *(fork.router for fork in self.forks)})


# Source: npm @sushiswap/core-sdk 0.1.2 (FACTORY_ADDRESS, ROUTER_ADDRESS, INIT_CODE_HASH)
_SUSHI_INIT_CODE_HASH = "0xe18a34eb0e04b04f7a0ac29a6e80748dca96319b42c54d679cb821dca90c6303"
_SUSHI_ON_ETHEREUM = Fork(
    venue="sushiswap_v2",
    factory="0xc0aee478e3658e2610c5f7a4a2e1777ce9e4f2ac",
    router="0xd9e1ce17f2641f24ae83637ab66a2cca9c378b9f",
    init_code_hash=_SUSHI_INIT_CODE_HASH,
)
_SUSHI_ELSEWHERE = Fork(
    venue="sushiswap_v2",
    factory="0xc35dadb65012ec5796536bd9864ed8773abc74c4",
    router="0x1b02da8cb0d097eb8d57a175b88c7d8b47997506",
    init_code_hash=_SUSHI_INIT_CODE_HASH,
)

ETHEREUM = Deployment(
    name="ethereum",
    chain_id=1,
    wrapped_native="0xc02aaa39b223fe8d0a0e5c4f27ead9083c756cc2",
    factory_v2="0x5c69bee701ef814a2b6a3edd4b1652cb9cc5aa6f",
    factory_v3="0x1f98431c8ad98523631ae4a59f267346ea31f984",
    router="0x68b3465833fb72a70ecdf485e0e4c7bd8665fc45",
    quoter="0x61ffe014ba17989e743c5f6cb21bf9697530b21e",
    multicall="0x1f98415757620b543a52e61c46b32eb19261f984",
    batch_account=BATCH_ACCOUNT,
    forks=(_SUSHI_ON_ETHEREUM,),
    source=f"{_DOCS}/v3-ethereum-deployments.mdx",
)
BASE = Deployment(
    name="base",
    chain_id=8453,
    wrapped_native="0x4200000000000000000000000000000000000006",
    factory_v2="0x8909dc15e40173ff4699343b6eb8132c65e18ec6",
    factory_v3="0x33128a8fc17869897dce68ed026d694621f6fdfd",
    router="0x2626664c2603336e57b271c5c0b26f421741e481",
    quoter="0x3d4e44eb1374240ce5f1b871ab261cd16335b76a",
    multicall="0x091e99cb1c49331a94dd62755d168e941abd0693",
    data_fee="op_stack",
    batch_account=BATCH_ACCOUNT,
    source=f"{_DOCS}/v3-base-deployments.mdx",
)
ARBITRUM = Deployment(
    name="arbitrum",
    chain_id=42161,
    wrapped_native="0x82af49447d8a07e3bd95bd0d56f35241523fbab1",
    factory_v2="0xf1d7cc64fb4452f05c498126312ebe29f30fbcf9",
    factory_v3="0x1f98431c8ad98523631ae4a59f267346ea31f984",
    router="0x68b3465833fb72a70ecdf485e0e4c7bd8665fc45",
    quoter="0x61ffe014ba17989e743c5f6cb21bf9697530b21e",
    multicall="0xadf885960b47ea2cd9b55e6dac6b42b7cb2806db",
    # Source: https://docs.arbitrum.io/how-arbitrum-works/gas-fees (the parent chain's part is charged as gas)
    extra_gas=2_000_000,
    data_fee="arbitrum",
    batch_account=BATCH_ACCOUNT,
    forks=(_SUSHI_ELSEWHERE,),
    source=f"{_DOCS}/v3-arbitrum-deployments.mdx",
)
OPTIMISM = Deployment(
    name="optimism",
    chain_id=10,
    wrapped_native="0x4200000000000000000000000000000000000006",
    factory_v2="0x0c3c1c532f1e39edf36be9fe0be1410313e074bf",
    factory_v3="0x1f98431c8ad98523631ae4a59f267346ea31f984",
    router="0x68b3465833fb72a70ecdf485e0e4c7bd8665fc45",
    quoter="0x61ffe014ba17989e743c5f6cb21bf9697530b21e",
    multicall="0x1f98415757620b543a52e61c46b32eb19261f984",
    data_fee="op_stack",
    batch_account=BATCH_ACCOUNT,
    source=f"{_DOCS}/v3-optimism-deployments.mdx",
)
POLYGON = Deployment(
    name="polygon",
    chain_id=137,
    wrapped_native="0x0d500b1d8e8ef31e21c99d1db9a6444d3adf1270",
    factory_v2="0x9e5a52f57b3038f1b8eee45f28b3c1967e22799c",
    factory_v3="0x1f98431c8ad98523631ae4a59f267346ea31f984",
    router="0x68b3465833fb72a70ecdf485e0e4c7bd8665fc45",
    quoter="0x61ffe014ba17989e743c5f6cb21bf9697530b21e",
    multicall="0x1f98415757620b543a52e61c46b32eb19261f984",
    native_symbol="POL",
    batch_account=BATCH_ACCOUNT,
    forks=(_SUSHI_ELSEWHERE,),
    source=f"{_DOCS}/v3-polygon-deployments.mdx",
)
# PancakeSwap, whose router, pairs and pools are forks: other fees, and pools made by a contract of their own.
# Source: https://developer.pancakeswap.finance/contracts/v2/addresses, and npm @pancakeswap/v2-sdk, v3-sdk,
# smart-router for hashes and router; the multicall is Uniswap's on this chain (npm @uniswap/sdk-core).
BNB = Deployment(
    name="bnb",
    chain_id=56,
    wrapped_native="0xbb4cdb9cbd36b01bd1cbaebf2de08d9173bc095c",
    factory_v2="0xca143ce32fe78f1f7019d7d551a6402fc5350c73",
    factory_v3="0x0bfbcf9fa4f9c56b0f40a671ad40e0805a091865",
    router="0x13f4ea83d0bd40e75c8222255bc855a974568dd4",
    quoter="0xb048bbc1ee6b733fffcfb9e9cef7375518e25997",
    multicall="0x963df249ed09c358a4819e39d9cd5736c3087184",
    native_symbol="BNB",
    venue_v2="pancake_v2",
    venue_v3="pancake_v3",
    v2_fee=2_500,
    v3_fees=(100, 500, 2_500, 10_000),
    v2_init_code_hash="0x00fb7f630766e6a796048ea87d01acd3068e8ff67d078148a3fa3f4a84f69bd5",
    v3_init_code_hash="0x6ce8eb472fa82df5469c6ab6d485f17c3ad13c8cd7af59b3d4a8026c5ce0f7e2",
    pool_deployer="0x41ff9aa7e16b8b1a8a8dc4f0efacd93d02d071c9",
    batch_account=BATCH_ACCOUNT,
    forks=(_SUSHI_ELSEWHERE,),
    source="https://developer.pancakeswap.finance/contracts/v3/addresses",
)
DEPLOYMENTS = {row.name: row for row in (ETHEREUM, BASE, ARBITRUM, OPTIMISM, POLYGON, BNB)}
