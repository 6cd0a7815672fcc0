"""What every venue promises."""

import re

import pytest

from dex.pools import POOL_KINDS
from dex.testing import cpmm_pool, dlmm_pool
from dex.venues import VENUES, Venue

PAIR = ("SOL", "USDC")
RESERVES = (10**9, 10**9)

every_venue = pytest.mark.parametrize("venue", VENUES.values(), ids=str)


@every_venue
def test_names_are_stable_ids_with_words_beside_them(venue: Venue) -> None:
    assert VENUES[venue.name] is venue
    assert re.fullmatch(r"[a-z][a-z0-9_]*", venue.name)
    assert venue.display_name.strip() == venue.display_name != ""


@every_venue
def test_its_pool_kind_is_known(venue: Venue) -> None:
    assert venue.pool_kind in POOL_KINDS


@every_venue
def test_it_lists_its_own_pools_only(venue: Venue) -> None:
    pools = [
        maker(f"{name}-{maker.__name__}", PAIR, *state, venue=name)
        for name in (venue.name, "elsewhere")
        for maker, state in ((cpmm_pool, (RESERVES,)), (dlmm_pool, (0, RESERVES)))
    ]

    listed = venue.pools(pools)

    assert [(pool.venue, pool.kind) for pool in listed] == [(venue.name, venue.pool_kind)]
    assert venue.pools([]) == ()
