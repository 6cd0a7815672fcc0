"""Which pools trade a pair by themselves, and what they hold of it."""

from dataclasses import replace

from dex import Engine
from dex.prices import PairPool
from dex.router.pair_pools import pair_pools
from dex.testing import NOW, FakeChain, bins_pool, cpmm_pool, weighted_pool
from dex.venues import WRAPPING

WRAPPER = bins_pool("wrapper", ("ETH", "WETH"), 0, (10**20, 10**20), reach=0, fee_rate=0, venue=WRAPPING.name)
WETH_USDC = cpmm_pool("b", ("WETH", "USDC"), (3, 9_000))
MANY = weighted_pool("a", ("USDC", "SOL", "WETH"), (500_000, 70_000, 80_000), (30, 30, 40))
POOLS = (WRAPPER, WETH_USDC, MANY)
IN_B = PairPool("b", "raydium", ("WETH", "USDC"), 3, 9_000)


def test_each_direction_has_what_is_held_of_its_own_ends() -> None:
    found = pair_pools(POOLS, [("WETH", "USDC"), ("USDC", "WETH"), ("SOL", "USDC"), ("SOL", "GOLD")], NOW)

    assert found == {
        ("WETH", "USDC"): (PairPool("a", "balancer", MANY.tokens, 80_000, 500_000), IN_B),
        ("USDC", "WETH"): (
            PairPool("a", "balancer", MANY.tokens, 500_000, 80_000),
            PairPool("b", "raydium", ("WETH", "USDC"), 9_000, 3),
        ),
        ("SOL", "USDC"): (PairPool("a", "balancer", MANY.tokens, 70_000, 500_000),),
        ("SOL", "GOLD"): (),
    }


def test_a_token_and_what_wraps_it_are_one_and_the_wrapper_is_no_pool_of_theirs() -> None:
    found = pair_pools(POOLS, [("ETH", "USDC"), ("SOL", "ETH"), ("ETH", "WETH"), ("ETH", "ETH")], NOW)

    assert [pool.pool_id for pool in found["ETH", "USDC"]] == ["a", "b"]
    assert found["ETH", "USDC"][1] == IN_B
    assert [pool.pool_id for pool in found["SOL", "ETH"]] == ["a"]
    assert found["ETH", "WETH"] == found["ETH", "ETH"] == ()
    assert pair_pools(POOLS[1:], [("ETH", "USDC")], NOW) == {("ETH", "USDC"): ()}


def test_a_pool_that_pays_nothing_is_none() -> None:
    """One has nothing of a token, the other nothing but fees of both."""
    one_sided = bins_pool("one", ("SOL", "USDC"), 0, (5, 0), venue="orca")
    pairs = [("SOL", "USDC"), ("USDC", "SOL")]

    fees_alone = replace(bins_pool("fees", ("SOL", "USDC"), 0, (0, 0), venue="orca"), unclaimed=(7, 7))
    assert set(fees_alone.balances().values()) == {7}

    assert pair_pools([one_sided, fees_alone], pairs, NOW) == dict.fromkeys(pairs, ())


def test_the_engine_tells_of_the_pools_of_known_venues_and_the_ids_of_all() -> None:
    foreign = cpmm_pool("foreign", ("WETH", "USDC"), (5, 5), venue="unheard of")
    engine = Engine(FakeChain((WETH_USDC, foreign)))

    prices = engine.prices([("WETH", "USDC")], [("WETH", "USDC")])

    assert prices.pools == {("WETH", "USDC"): (IN_B,)}
    assert prices.pool_ids == {"b", "foreign"}
    without = engine.prices([("WETH", "USDC")])
    assert (without.pools, without.pool_ids, without.by_pair) == ({}, frozenset(), prices.by_pair)
