"""A pool that is created on a real node is found, dated by its factory, and fires the sniper that waits for it."""

import math
import time
from collections.abc import Callable
from typing import Any

import pytest

from dex import Engine
from dex.chains.evm.local.contracts import Deployer
from dex.chains.evm.local.deploy import ADD_LIQUIDITY, CREATE_POOL, MINT_POSITION, NEVER
from dex.chains.evm.local.market import POOLS, atoms_worth
from dex.chains.evm.local.world import World
from dex.tests.chains.evm.evm_orders import ETH
from orders.models import Account, Order, SeenPool
from orders.terms import NewOrder
from orders.tests.evm import LIMIT_S, POLICY, engine_on, evm_chain, finish, sale
from orders.tests.factories import new_account, place
from orders.tests.waiting.pools import triggered
from orders.waiting.trigger_pass import trigger_orders

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.chain]


@pytest.fixture
def engine(world: World, db: None) -> Engine:
    """On the local chain, whose tokens are registered."""
    return engine_on(world)


@pytest.fixture
def newcomer(world: World, engine: Engine) -> Engine:
    """Another one that has not looked at the market yet."""
    return Engine(world.chain())


@pytest.fixture
def owner(engine: Engine) -> Account:
    """Its account."""
    return new_account()


def sniper(engine: Engine, own: str = "WETH", **changes: Any) -> NewOrder:
    """A tenth of an ether for USDT, between which the market of the local chain has no pool."""
    terms = {"min_liquidity": "10", "max_age_s": 600, "liquidity_token": "token_in"}
    fields = {"order_type": "sniper", "type_terms": terms, "time_in_force": "gtc", "min_amount_out": 290 * 10**6}
    new: NewOrder = sale(engine, ETH // 10, **{"token_in": own, "token_out": "USDT", **fields, **changes})
    return new


def open_pair(world: World, one: str, other: str, usd: int) -> None:
    """A V2 pair that does not exist yet, with liquidity: one transaction."""
    deployer = Deployer(world.anvil, world.folder, world.anvil.accounts()[0])
    amounts = [atoms_worth(symbol, usd) for symbol in (one, other)]
    tokens = [world.address(symbol) for symbol in (one, other)]
    deployer.call(world.deployed.router_v2, ADD_LIQUIDITY, *tokens, *amounts, 0, 0, deployer.account, NEVER)


def look_until(world: World, engine: Engine, is_done: Callable[[], object]) -> None:
    """Passes beside blocks: the search for new pools has a thread of its own."""
    ends_at = time.monotonic() + LIMIT_S
    while not is_done():
        assert time.monotonic() < ends_at
        world.anvil.mine()
        trigger_orders(engine, POLICY, at_least_s=0.0)
        time.sleep(0.1)


def test_a_pool_that_is_created_fires_it_and_is_traded_with(world: World, engine: Engine, owner: Account) -> None:
    """Also for the chain's own token, which its wrapper stands for in pools; not for one whose owner asks for more."""
    wrapped, native, greedy = place(
        owner, sniper(engine), sniper(engine, "ETH"), sniper(engine, type_terms={"min_liquidity": "34", "max_age_s": 9})
    )
    for _ in range(2):
        look(world, engine)
    assert Order.objects.filter(waiting_for="pool").count() == 3
    known = SeenPool.objects.count()

    open_pair(world, "WETH", "USDT", 100_000)
    created_at = world.anvil.ask("eth_getBlockByNumber", "latest", False)
    look_until(world, engine, lambda: triggered(wrapped) and triggered(native))
    Order.objects.filter(pk=greedy.pk).update(status="FAILED", seq=2, outcome="cancelled")
    finish(world, engine)

    [pair] = SeenPool.objects.order_by("-id")[: SeenPool.objects.count() - known]
    assert pair.born_at == int(created_at["timestamp"], 16)
    for order in (wrapped, native):
        order.refresh_from_db()
        assert (order.status, order.outcome) == ("CONFIRMED", "filled"), order.failure
        [seen] = triggered(order)
        assert (seen["pool"], seen["venue"], seen["liquidity_token"]) == (pair.pool_id, "uniswap_v2", order.token_in)
        assert seen["liquidity"].startswith("33.333333333333333")


def test_a_pool_is_as_old_as_its_creation_however_late_it_is_filled(
    world: World, newcomer: Engine, owner: Account
) -> None:
    """Created between two looks: its factory's event tells, also at the first look of all."""
    deployer = Deployer(world.anvil, world.folder, world.anvil.accounts()[0])
    symbols = sorted(("WETH", "USDT"), key=lambda symbol: int(world.address(symbol), 16))
    tokens = [world.address(symbol) for symbol in symbols]
    root = math.isqrt((atoms_worth(symbols[1], 10**6) << 192) // atoms_worth(symbols[0], 10**6))
    world.anvil.ask("evm_increaseTime", 60)  # the pools of the market are as old
    deployer.call(world.deployed.manager, CREATE_POOL, *tokens, 3_000, root)
    created = int(world.anvil.ask("eth_getBlockByNumber", "latest", False)["timestamp"], 16)
    world.anvil.ask("evm_increaseTime", 500)
    amounts = [atoms_worth(symbol, 100_000) for symbol in symbols]
    position = (*tokens, 3_000, -887_220, 887_220, *amounts, 0, 0, deployer.account, NEVER)
    deployer.call(world.deployed.manager, MINT_POSITION, position)
    terms = {"min_liquidity": "10", "liquidity_token": "token_in"}
    short, long = place(owner, *(sniper(newcomer, type_terms={**terms, "max_age_s": age_s}) for age_s in (499, 600)))

    look(world, newcomer)

    assert SeenPool.objects.get(born_at=created).absent_at is None
    [seen] = triggered(long)
    assert 500 <= seen["age_s"] <= 600
    assert (seen["venue"], triggered(short)) == ("uniswap_v3", [])


def test_what_nodes_do_not_tell_of_is_old(
    world: World, newcomer: Engine, owner: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    [order] = place(owner, sniper(newcomer, type_terms={"min_liquidity": "10", "max_age_s": 86_400}))
    monkeypatch.setattr("dex.chains.evm.pools.births.MOST_QUESTIONS", 1)
    monkeypatch.setattr("dex.chains.evm.pools.births.MAX_BLOCKS_FOLLOWED", 3)
    open_pair(world, "WETH", "USDT", 100_000)
    world.anvil.mine(5)

    look(world, newcomer)

    assert triggered(order) == []
    assert SeenPool.objects.filter(born_at=None).count() == SeenPool.objects.count() == len(POOLS) + 2


def test_births_are_found_over_several_questions(world: World, engine: Engine) -> None:
    """All pools of the market, each once; none of what is older than was asked for."""
    chain = evm_chain(engine)
    pool_ids = [pool.pool_id for pool in chain.snapshot().pools if pool.venue != "wrapping"]
    born = chain.births(pool_ids, 0)
    newest = max(born.values())

    assert set(born) == set(pool_ids)
    assert chain.births(pool_ids, newest) == {name: at for name, at in born.items() if at == newest}
    assert chain.births(pool_ids, newest + 1) == {}
    assert chain.births(["0x" + "0" * 40], 0) == chain.births([], 0) == {}


def look(world: World, engine: Engine) -> None:
    """One pass on the newest block."""
    world.anvil.mine()
    assert trigger_orders(engine, POLICY, at_least_s=0.0)
