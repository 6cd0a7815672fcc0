"""What every venue promises."""

import importlib
import re
from collections.abc import Callable

import pytest

from dex import Engine, Pool, Quote
from dex.pools import POOL_KINDS
from dex.testing import (
    NOW,
    FakeChain,
    bins_pool,
    cpmm_pool,
    damm_pool,
    dlmm_pool,
    request,
    stable_pool,
    v2_pool,
    v3_pool,
    weighted_pool,
    whirlpool,
)
from dex.venues import VENUES, Venue

PAIR = ("SOL", "USDC")
RESERVES = (10**12, 10**12)
LIQUIDITY = 10**14

POOLS: dict[str, Callable[[str, str], Pool]] = {
    "balancer_weighted": lambda pool_id, venue: weighted_pool(pool_id, PAIR, RESERVES, (50, 50), venue=venue),
    "bins": lambda pool_id, venue: bins_pool(pool_id, PAIR, 0, RESERVES, venue=venue),
    "curve_stableswap_ng": lambda pool_id, venue: stable_pool(pool_id, PAIR, RESERVES, (9, 9), venue=venue),
    "meteora_damm_v2": lambda pool_id, venue: damm_pool(pool_id, PAIR, RESERVES, venue=venue),
    "meteora_dlmm": lambda pool_id, venue: dlmm_pool(pool_id, PAIR, 0, RESERVES, venue=venue),
    "orca_whirlpool": lambda pool_id, venue: whirlpool(pool_id, PAIR, 0, [(-640, 640, LIQUIDITY)], venue=venue),
    "raydium_cpmm": lambda pool_id, venue: cpmm_pool(pool_id, PAIR, RESERVES, venue=venue),
    "uniswap_v2": lambda pool_id, venue: v2_pool(pool_id, PAIR, RESERVES, venue=venue),
    "uniswap_v3": lambda pool_id, venue: v3_pool(pool_id, PAIR, 0, [(-600, 600, LIQUIDITY)], venue=venue),
}

every_venue = pytest.mark.parametrize("venue", VENUES.values(), ids=list(VENUES))


def pools_of(name: str) -> list[Pool]:
    """A pool of every kind there is, all under one venue's name."""
    return [make(f"{name}-{kind}", name) for kind, make in POOLS.items()]


def test_there_is_a_pool_of_every_kind_to_try_venues_with() -> None:
    assert sorted(POOLS) == sorted(POOL_KINDS)


def test_no_two_venues_look_alike() -> None:
    assert len({venue.display_name for venue in VENUES.values()}) == len(VENUES)


@every_venue
def test_names_are_stable_ids_with_words_beside_them(venue: Venue) -> None:
    assert VENUES[venue.name] is venue
    assert re.fullmatch(r"[a-z][a-z0-9_]*", venue.name)
    assert venue.display_name.strip() == venue.display_name != ""


@every_venue
def test_its_file_is_named_after_it_and_links_to_the_protocols_documents(venue: Venue) -> None:
    described = importlib.import_module(f"dex.venues.{venue.name}").__doc__ or ""

    assert re.search(r"^Source: https://docs\.\S+$", described, re.MULTILINE)


@every_venue
def test_its_pool_kind_is_known(venue: Venue) -> None:
    assert venue.pool_kind in POOL_KINDS


@every_venue
def test_it_lists_its_own_pools_only(venue: Venue) -> None:
    listed = venue.pools([*pools_of(venue.name), *pools_of("elsewhere")])

    assert [(pool.venue, pool.kind) for pool in listed] == [(venue.name, venue.pool_kind)]
    assert venue.pools([]) == ()


@every_venue
def test_it_quotes_what_its_pool_pays(venue: Venue) -> None:
    chain = FakeChain(tuple(pools_of(venue.name)))
    (pool,) = venue.pools(chain.pools)

    (quote,) = Engine(chain).route([request(*PAIR, 10**9)])

    assert isinstance(quote, Quote)
    assert quote.amount_out == pool.swap_exact_in(*PAIR, 10**9, NOW).amount_out
    assert [(hop.venue, hop.pool_id) for hop in quote.route.hops] == [(venue.name, pool.pool_id)]
