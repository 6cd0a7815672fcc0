"""The market that is carried on by events is the one that the contracts hold, and most looks ask no node."""

import random
from dataclasses import replace
from typing import Any

import pytest
from eth_abi.abi import decode, encode
from eth_hash.auto import keccak

from dex import DexError, Engine, Side, SwapRequest
from dex.chains.evm.abi import contracts
from dex.chains.evm.abi.codec import Function
from dex.chains.evm.config.deployments import DEPLOYMENTS, V2_INIT_CODE_HASH, V3_INIT_CODE_HASH
from dex.chains.evm.config.options import EvmOptions, ListedToken
from dex.chains.evm.local.contracts import Deployer, creation_code
from dex.chains.evm.local.deploy import ADD_LIQUIDITY, MINT_POSITION, NEVER
from dex.chains.evm.local.install import FOLDER
from dex.chains.evm.local.market import POOLS, atoms_worth
from dex.chains.evm.local.world import World
from dex.chains.evm.nodes.multicall import pack, unpack
from dex.chains.evm.nodes.rpc import Rpc
from dex.chains.evm.pools.discovery import PoolFacts
from dex.chains.evm.pools.market import EvmMarket
from dex.chains.evm.pools.reader import Newest
from dex.chains.evm.transactions.costs import NetworkCosts
from dex.pools import Pool
from dex.pools.kinds.uniswap_v2 import UniswapV2Pool
from dex.pools.kinds.uniswap_v3 import UniswapV3Pool
from dex.testing.json_rpc import rpc_proxy
from dex.tests.chains.evm.evm_orders import ETH, Trader

pytestmark = pytest.mark.chain

QUOTE_V3 = Function("quoteExactInput", ["bytes", "uint256"], ["uint256", "uint160[]", "uint32[]", "uint256"])
DECREASE = Function("decreaseLiquidity", ["(uint256,uint128,uint256,uint256,uint256)"])
COLLECT_POSITION = Function("collect", ["(uint256,address,uint128,uint128)"])
POSITIONS = Function(
    "positions", ["uint256"], ["uint96", "address", "address", "address", "uint24", "int24", "int24", "uint128"]
)


def states(pools: tuple[Pool, ...]) -> dict[str, dict[str, Any]]:
    return {pool.pool_id: pool.to_state() for pool in pools}


def test_every_pool_of_the_factories_is_found(world: World) -> None:
    chain = world.chain()

    snapshot = chain.snapshot()

    assert len(snapshot.pools) == len(POOLS) + 1  # the wrapper
    assert {pool.venue for pool in snapshot.pools} == {"uniswap_v2", "uniswap_v3", "sushiswap_v2", "wrapping"}
    assert snapshot.version == int(world.anvil.ask("eth_blockNumber"), 16)


def test_pools_read_in_one_batch_are_those_read_through_the_multicall(world: World) -> None:
    options = world.options()
    rpc = Rpc(options.urls, options.deployment.chain_id, 20.0)
    without = replace(options, deployment=replace(options.deployment, multicall="", v3_fees=(500, 3_000, 10_000)))
    through = replace(options, deployment=replace(options.deployment, v3_fees=(500, 3_000, 10_000)))

    assert _market(rpc, without).snapshot() == _market(rpc, through).snapshot()


def _market(rpc: Rpc, options: EvmOptions) -> EvmMarket:
    return EvmMarket(rpc, options, NetworkCosts(options))


def test_events_carry_the_market_on_exactly(world: World) -> None:
    chain, trader = world.chain(), Trader.on(world)
    market = chain.snapshot()
    deployer = Deployer(world.anvil, world.folder, world.anvil.accounts()[0])
    dice = random.Random(5)
    for _ in range(12):
        token_in, token_out = dice.sample(["WETH", "USDC", "USDT", "DAI", "WBTC"], 2)
        amount = atoms_worth(token_in, dice.randrange(1, 900_000))
        trader.send(trader.signed(trader.quote(amount, token_in, token_out, max_hops=None)))
        world.anvil.mine()
        before, market = market, chain.snapshot()
        assert market.version == before.version + 1
    _move_liquidity(world, deployer)
    followed = chain.snapshot()

    read_anew = world.chain().snapshot()

    assert followed.version == read_anew.version
    assert states(followed.pools) == states(read_anew.pools)
    changed = [a.pool_id for a, b in zip(market.pools, followed.pools, strict=True) if a is not b]
    assert 0 < len(changed) < len(market.pools)  # the others are the very same objects


def _move_liquidity(world: World, deployer: Deployer) -> None:
    """Add a position and a pair's share, take a part of the first position out again and collect it."""
    facts = next(token.address for token in world.tokens if token.symbol == "WETH")
    usdc = world.address("USDC")
    tokens = sorted([facts, usdc], key=lambda address: int(address, 16))
    manager = world.deployed.manager
    owner = deployer.account
    amounts = (atoms_worth("WETH", 70_000), atoms_worth("USDC", 70_000))
    by_address = dict(zip((facts, usdc), amounts, strict=True))
    sorted_amounts = [by_address[token] for token in tokens]
    deployer.call(manager, MINT_POSITION, (*tokens, 3_000, -887_220, 887_220, *sorted_amounts, 0, 0, owner, NEVER))
    deployer.call(world.deployed.router_v2, ADD_LIQUIDITY, *tokens, *sorted_amounts, 0, 0, owner, NEVER)
    data = "0x" + POSITIONS.call(1).hex()
    raw = world.anvil.ask("eth_call", {"to": manager, "data": data}, "latest")
    liquidity = decode(["uint256"] * 12, bytes.fromhex(raw[2:]))[7]
    deployer.call(manager, DECREASE, (1, liquidity // 3, 0, 0, NEVER))
    deployer.call(manager, COLLECT_POSITION, (1, owner, 2**128 - 1, 2**128 - 1))


def test_a_reorg_is_noticed_and_the_pools_are_read_anew(world: World) -> None:
    chain, trader = world.chain(), Trader.on(world)
    untouched = states(chain.snapshot().pools)
    trader.send(trader.signed(trader.quote(100 * ETH)))
    world.anvil.mine()
    assert states(chain.snapshot().pools) != untouched

    world.anvil.ask("anvil_reorg", 1, [])

    assert states(chain.snapshot().pools) == untouched


def test_the_pools_pay_what_the_real_quoter_says(world: World) -> None:
    chain = world.chain()
    addresses = {token.symbol: token.address for token in world.tokens}
    dice, calls, promised = random.Random(11), [], []
    for pool in chain.snapshot().pools:
        if pool.kind != UniswapV3Pool.kind:
            continue
        for _ in range(25):
            token_in, token_out = dice.sample(pool.tokens, 2)
            amount = atoms_worth(token_in, 10 ** dice.randrange(1, 7)) * dice.randrange(1, 1_000) // 2_000 + 1
            try:
                promised.append(pool.swap_exact_in(token_in, token_out, amount, 0).amount_out)
            except DexError:
                continue
            fee = int(pool.fee_ppm(token_in, 0)).to_bytes(3, "big")
            path = bytes.fromhex(addresses[token_in][2:]) + fee + bytes.fromhex(addresses[token_out][2:])
            data = "0x" + QUOTE_V3.call(path, amount).hex()
            calls.append(("eth_call", [{"to": world.deployment.quoter, "data": data}, "latest"]))

    answers = world.anvil.ask_all(calls)

    assert [QUOTE_V3.result(bytes.fromhex(answer[2:]))[0] for answer in answers] == promised
    assert len(promised) > 100


def test_a_quote_on_a_market_that_is_known_asks_nobody(world: World) -> None:
    with rpc_proxy(world.anvil.url) as proxy:
        chain = world.chain(urls=(proxy.url,), snapshot_s=60.0)
        engine = Engine(chain)
        _grow(chain._market, 200)
        asked = len(proxy.requests)

        answers = engine.route([SwapRequest("WETH", "USDC", Side.EXACT_IN, ETH * n, 5_000) for n in range(1, 6)])

        assert len(chain.snapshot().pools) >= 200
        assert all(hasattr(answer, "route") for answer in answers)
        assert len(proxy.requests) == asked


def _grow(market: EvmMarket, count: int) -> None:
    """As if the chain had `count` pools."""
    market.snapshot()
    weth, usdc = ListedToken("WETH", "", 18, "0x1"), ListedToken("USDC", "", 6, "0x2")
    for number in range(count):
        facts = PoolFacts(f"0x{number:040x}", "uniswap_v2", "uniswap_v2", (weth, usdc), 3_000)
        reserves = (10**20 + number * 10**15, 3 * 10**11)
        market.facts[facts.address] = facts
        market._reader.pools[facts.address] = UniswapV2Pool(facts.address, facts.venue, facts.symbols, reserves)
    assert market._reader._head is not None
    market._reader._take(Newest(market._reader._head, {}))


def test_a_look_without_news_is_one_small_question(world: World) -> None:
    with rpc_proxy(world.anvil.url) as proxy:
        chain = world.chain(urls=(proxy.url,))
        first = chain.snapshot()
        asked = len(proxy.requests)

        assert chain.snapshot() is first
        world.anvil.mine()
        assert chain.snapshot().pools == first.pools

        assert proxy.requests[asked:] == [
            ["eth_getBlockByNumber", "eth_feeHistory"],
            ["eth_getBlockByNumber", "eth_feeHistory"],
            ["eth_getBlockByNumber", "eth_getLogs", "eth_getBlockByNumber", "eth_call"],
        ]


def test_receipts_of_a_batch_are_one_request(world: World) -> None:
    with rpc_proxy(world.anvil.url) as proxy:
        trader = Trader.on(world, urls=(proxy.url,))
        signed = [trader.signed() for _ in range(20)]
        trader.send(*signed)
        world.anvil.mine()
        asked = len(proxy.requests)

        receipts = trader.engine.receipts([item.tx_hash for item in signed])

        assert all(receipt is not None and receipt.is_success for receipt in receipts)
        assert len(proxy.requests) == asked + 1


def test_reads_are_packed_as_the_abi_says() -> None:
    reads = [("0x" + "ab" * 20, bytes(range(n))) for n in (4, 36, 32, 0, 68)]
    returned = [(True, 7, b""), (False, 8, b"error"), (True, 9, bytes(range(70)))]

    assert pack(reads) == contracts.READ_MANY.call([(to, 500_000, data) for to, data in reads])
    assert unpack(encode(contracts.READ_MANY.outputs, [5, returned])) == [b"", b"", bytes(range(70))]


def test_the_contracts_in_the_packages_make_the_pools_of_the_real_deployments(world: World) -> None:
    assert "0x" + keccak(creation_code(FOLDER, "UniswapV2Pair")).hex() == V2_INIT_CODE_HASH
    assert "0x" + keccak(creation_code(FOLDER, "UniswapV3Pool")).hex() == V3_INIT_CODE_HASH


def test_the_table_of_deployments_names_each_chain_once_with_its_source() -> None:
    rows = list(DEPLOYMENTS.values())

    assert len({row.chain_id for row in rows}) == len(rows) == 6
    for row in rows:
        assert row.source.startswith("https://")
        for address in (row.wrapped_native, row.factory_v2, row.factory_v3, row.router, row.quoter, row.multicall):
            assert address == address.lower()
            assert len(bytes.fromhex(address[2:])) == 20


# Pools whose addresses anybody can look up: WETH with USDC, on Ethereum the pair and the pool of 0.05 %.
# Source: https://etherscan.io/address/0xb4e16d0168e52d35cacd2c6185b44281ec28c9dc and
# https://etherscan.io/address/0x88e6a0c2ddd26feeb64f039a2c41296fcb3f5640
def test_factories_and_init_code_hashes_give_the_known_addresses() -> None:
    usdc, weth = "a0b86991c6218b36c1d19d4a2e9eb0ce3606eb48", "c02aaa39b223fe8d0a0e5c4f27ead9083c756cc2"
    row = DEPLOYMENTS["ethereum"]
    pair_salt = keccak(bytes.fromhex(usdc + weth))
    pool_salt = keccak(encode(["address", "address", "uint24"], ["0x" + usdc, "0x" + weth, 500]))

    assert _create2(row.factory_v2, pair_salt, row.v2_init_code_hash) == "0xb4e16d0168e52d35cacd2c6185b44281ec28c9dc"
    assert _create2(row.factory_v3, pool_salt, row.v3_init_code_hash) == "0x88e6a0c2ddd26feeb64f039a2c41296fcb3f5640"


def _create2(creator: str, salt: bytes, code_hash: str) -> str:
    return "0x" + keccak(b"\xff" + bytes.fromhex(creator[2:]) + salt + bytes.fromhex(code_hash[2:]))[-20:].hex()
