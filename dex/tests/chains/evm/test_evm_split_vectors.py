"""The markets of the split vectors, put on the node as they are: what orders get there is the best that is known."""

from itertools import permutations
from typing import Any

import pytest
from eth_abi.abi import encode
from eth_hash.auto import keccak

from dex.chains.evm.abi.codec import Function
from dex.chains.evm.abi.contracts import APPROVE, GET_PAIR, GET_POOL, TRANSFER_TO
from dex.chains.evm.config.options import ListedToken
from dex.chains.evm.local.contracts import Deployer
from dex.chains.evm.local.deploy import MINT_TOKENS
from dex.chains.evm.local.world import World
from dex.tests.chains.evm.evm_orders import Trader
from dex.tests.vector_files import load_vectors

pytestmark = pytest.mark.chain

CREATE_PAIR = Function("createPair", ["address", "address"])
CREATE_POOL = Function("createPool", ["address", "address", "uint24"])
INITIALIZE_POOL = Function("initialize", ["uint160"])
SYNC_PAIR = Function("sync")
# Where a V3 pool keeps what the vectors give. Source: https://github.com/Uniswap/v3-core/blob/v1.0.0/contracts
# /UniswapV3Pool.sol (order of its state variables)
LIQUIDITY_SLOT, TICKS_SLOT, BITMAP_SLOT = 4, 5, 6
# The venue of the vectors that is a second V2 factory.
SECOND = "v2b"
PLENTY = 2**111
CLOSE_PPB = 10_000  # one part in 1e5

Described = dict[str, Any]


def swaps_of(pool: Described) -> list[Described]:
    legs: list[Described] = pool["legs"] if pool["type"] == "path" else [pool]
    return legs


MARKETS = load_vectors("split_routes", "markets")


def named(market: Described) -> list[tuple[Described, str, str]]:
    """Each pool with the names of what it sells for what; tokens on the way are M1, M2, ..."""
    found = []
    for number, pool in enumerate(market["pools"]):
        swaps = swaps_of(pool)
        names = ["A", *(f"M{number}-{place}" for place in range(1, len(swaps))), "B"]
        found += [(swap, names[i], names[i + 1]) for i, swap in enumerate(swaps)]
    return found


def order_of(pools: list[tuple[Described, str, str]], addresses: list[str]) -> dict[str, str]:
    """Addresses for the names, so that each V3 pool sells its first token where the vectors say so."""
    names = sorted({name for _, *pair in pools for name in pair})
    for chosen in permutations(addresses, len(names)):
        found = dict(zip(names, chosen, strict=True))
        if all(
            (int(found[sold], 16) < int(found[bought], 16)) == swap["zero_for_one"]
            for swap, sold, bought in pools
            if swap["type"] == "v3"
        ):
            return found
    raise AssertionError("no order of the tokens fits the pools")


def set_slot(world: World, address: str, slot: int, value: int) -> None:
    world.anvil.ask("anvil_setStorageAt", address, hex(slot), "0x" + (value % 2**256).to_bytes(32, "big").hex())


def mapped(slot: int, key: int) -> int:
    return int.from_bytes(keccak(encode(["int256", "uint256"], [key, slot])), "big")


def put_pool(world: World, deployer: Deployer, swap: Described, sold: str, bought: str) -> None:
    factories = world.deployment
    if swap["type"] == "v2":
        factory = world.deployed.fork.factory if swap["venue"] == SECOND else factories.factory_v2
        deployer.call(factory, CREATE_PAIR, sold, bought)
        pair = deployer.read(factory, GET_PAIR, sold, bought)
        deployer.call(sold, TRANSFER_TO, pair, int(swap["reserve_in"]))
        deployer.call(bought, TRANSFER_TO, pair, int(swap["reserve_out"]))
        deployer.call(pair, SYNC_PAIR)
        return
    deployer.call(factories.factory_v3, CREATE_POOL, sold, bought, swap["fee"])
    pool = deployer.read(factories.factory_v3, GET_POOL, sold, bought, swap["fee"])
    deployer.call(pool, INITIALIZE_POOL, int(swap["sqrt_price_x96"]))
    set_slot(world, pool, LIQUIDITY_SLOT, int(swap["liquidity"]))
    words: dict[int, int] = {}
    for tick, text in swap["ticks"]:
        net, place = int(text), tick // swap["tick_spacing"]
        words[place >> 8] = words.get(place >> 8, 0) | 1 << (place & 255)
        set_slot(world, pool, mapped(TICKS_SLOT, tick), (net % 2**128) << 128 | abs(net))
    for word, bits in words.items():
        set_slot(world, pool, mapped(BITMAP_SLOT, word), bits)
    for token in (sold, bought):
        deployer.call(token, TRANSFER_TO, pool, PLENTY)


def put_market(world: World, market: Described) -> tuple[ListedToken, ...]:
    """The market's pools between new tokens, which are returned; the node mines each transaction at once."""
    deployer = Deployer(world.anvil, world.folder, world.anvil.accounts()[0])
    pools = named(market)
    names = {name for _, *pair in pools for name in pair}
    addresses = []
    for number in range(len(names) + 1):
        arguments = [f"T{number}", f"T{number}", 18]
        addresses.append(deployer.deploy("MintableErc20", ["string", "string", "uint8"], arguments))
        deployer.call(addresses[-1], MINT_TOKENS, 2**120)
    chosen = order_of(pools, addresses)
    for swap, sold, bought in pools:
        put_pool(world, deployer, swap, chosen[sold], chosen[bought])
    return tuple(ListedToken(name, name, 18, address) for name, address in chosen.items())


@pytest.mark.parametrize("market", MARKETS, ids=[market["id"] for market in MARKETS])
def test_an_order_gets_the_best_that_is_known(world: World, market: Described) -> None:
    tokens = put_market(world, market)
    trader = Trader.on(world, tokens=tokens)
    giver = Deployer(world.anvil, world.folder, world.anvil.accounts()[0])
    amount = int(market["amount_in"])
    giver.call(next(token.address for token in tokens if token.symbol == "A"), TRANSFER_TO, trader.wallet, amount)
    approve(world, tokens, trader.wallet, amount)
    trader.nonce += 1
    quote = trader.quote(amount, "A", "B", max_hops=None)
    signed = trader.signed(quote)

    assert trader.send(signed) == [None]
    world.anvil.mine()
    receipt = trader.receipt(signed)

    assert receipt is not None
    assert receipt.is_success, receipt.detail
    assert (receipt.amount_in, receipt.amount_out) == (amount, quote.amount_out)
    best = int(market["best_split"]["amount_out"])
    assert receipt.amount_out * 10**9 >= best * (10**9 - CLOSE_PPB)


def approve(world: World, tokens: tuple[ListedToken, ...], wallet: str, amount: int) -> None:

    token = next(token.address for token in tokens if token.symbol == "A")
    data = "0x" + APPROVE.call(world.deployment.router, amount).hex()
    world.anvil.ask("anvil_impersonateAccount", wallet)
    world.anvil.ask("eth_sendTransaction", {"from": wallet, "to": token, "data": data})
    world.anvil.mine()
