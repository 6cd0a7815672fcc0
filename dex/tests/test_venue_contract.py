"""What every venue promises."""

import re

import pytest

from dex import Engine, Pool, Quote
from dex.pools import POOL_KINDS, pool_from_state
from dex.testing import NOW, FakeChain, Sides, kind_tests, request
from dex.venues import VENUES, Venue

PAIR = ("SOL", "USDC")
SIDES = Sides((10**12, 10**12))

every_venue = pytest.mark.parametrize("venue", VENUES.values(), ids=list(VENUES))


def pools_of(name: str) -> list[Pool]:
    """A pool of every kind there is, all under one venue's name."""
    made = [kind_tests(kind).pool_at(f"{name}-{kind}", PAIR, SIDES) for kind in POOL_KINDS]
    return [pool_from_state(pool.kind, pool.pool_id, name, PAIR, pool.to_state()) for pool in made]


def test_no_two_venues_look_alike() -> None:
    assert len({venue.display_name for venue in VENUES.values()}) == len(VENUES)


@every_venue
def test_names_are_stable_ids_with_words_beside_them(venue: Venue) -> None:
    assert VENUES[venue.name] is venue
    assert re.fullmatch(r"[a-z][a-z0-9_]*", venue.name)
    assert venue.display_name.strip() == venue.display_name != ""


@every_venue
def test_it_links_to_the_protocols_documents(venue: Venue) -> None:
    assert re.fullmatch(r"https://docs\.\S+", venue.documentation)


@every_venue
def test_its_pool_kind_is_known(venue: Venue) -> None:
    assert venue.pool_kind in POOL_KINDS


@every_venue
def test_it_lists_its_own_pools_only(venue: Venue) -> None:
    listed = [pool for pool in [*pools_of(venue.name), *pools_of("elsewhere")] if venue.lists(pool)]

    assert [(pool.venue, pool.kind) for pool in listed] == [(venue.name, venue.pool_kind)]


@every_venue
def test_it_quotes_what_its_pool_pays(venue: Venue) -> None:
    chain = FakeChain(tuple(pools_of(venue.name)))
    (pool,) = (pool for pool in chain.pools if venue.lists(pool))

    (quote,) = Engine(chain).route([request(*PAIR, 10**9)])

    assert isinstance(quote, Quote)
    assert quote.amount_out == pool.swap_exact_in(*PAIR, 10**9, NOW).amount_out
    assert [(hop.venue, hop.pool_id) for hop in quote.route.hops] == [(venue.name, pool.pool_id)]
