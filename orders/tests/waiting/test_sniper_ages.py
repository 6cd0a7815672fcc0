"""How old a pool is for a sniper: by the chain's own word, else by the looks that did not have it; unknown is old."""

import pytest

from dex.testing import NOW
from orders.models import Account, SeenPool
from orders.tests.waiting.market import history, put, statuses
from orders.tests.waiting.pools import FILLED, PENDING, Launchpad, Registry, let_pass, pool, sniper, triggered

pytestmark = pytest.mark.django_db(transaction=True)


def test_what_the_first_look_of_all_finds_is_not_new(account: Account, pad: Launchpad) -> None:
    """However short ago the engine was pointed at the chain."""
    pad.open(pool("also there"))
    [order] = put(account, sniper(age_s=86_400))

    pad.step()
    pad.step()

    assert history(order) == PENDING
    assert set(SeenPool.objects.values_list("pool_id", "absent_at")) == {("old", None), ("also there", None)}


@pytest.mark.parametrize(("allowed_s", "fires"), [(99, False), (101, True)])
def test_a_pool_that_came_between_two_looks_is_as_old_as_the_first(
    account: Account, pad: Launchpad, allowed_s: int, fires: bool
) -> None:
    """The engine stood still, or no order waited: it may have come right after that look."""
    [order] = put(account, sniper(age_s=allowed_s))
    pad.step()
    let_pass(100)

    pad.open(pool())
    pad.step()

    assert statuses([order]) == (["filled"] if fires else PENDING)


def test_each_look_counts_also_one_that_finds_nothing_new(account: Account, pad: Launchpad) -> None:
    [order] = put(account, sniper())
    pad.step()
    let_pass(100)
    pad.step()

    pad.open(pool())
    pad.step()

    assert statuses([order]) == ["filled"]


def test_a_pool_grows_old_for_one_order_and_not_for_another(account: Account, pad: Launchpad) -> None:
    pad.step()
    [early] = put(account, sniper("5000"))
    pad.step()
    pad.open(pool())
    pad.step()
    let_pass(300)

    late, patient = put(account, sniper(age_s=299), sniper(age_s=320))
    pad.step()

    assert statuses([early, late, patient]) == ["PENDING", "PENDING", "filled"]


@pytest.mark.parametrize(("age_s", "fires"), [(0, True), (60, True), (61, False)])
def test_the_chains_own_word_decides_to_the_second(
    account: Account, registry: Launchpad, age_s: int, fires: bool
) -> None:
    """Also of what the first look of all finds: the engine was away while it came."""
    registry.open(pool(), age_s=age_s)
    [order] = put(account, sniper())

    registry.step()

    assert statuses([order]) == (["filled"] if fires else PENDING)
    assert [seen["age_s"] for seen in triggered(order)] == ([age_s] if fires else [])


def test_a_pool_that_such_a_chain_does_not_date_is_not_new(account: Account, registry: Launchpad) -> None:
    """It may have been created long before it could trade, or before the chain's nodes remember."""
    [order] = put(account, sniper(age_s=86_400))
    registry.step()
    registry.open(pool())

    registry.step()

    assert history(order) == PENDING
    assert isinstance(registry.chain, Registry)
    assert registry.chain.asked == [(["old"], NOW - 86_400), (["new"], NOW - 86_400)]
    assert registry.chain.sought == 2


def test_a_chain_that_stands_still_keeps_no_pool_young(account: Account, registry: Launchpad) -> None:
    [order] = put(account, sniper("5000"))
    registry.open(pool(), age_s=1)
    registry.step()
    let_pass(61)
    [other] = put(account, sniper())

    registry.step()

    assert statuses([order, other]) == ["PENDING", "PENDING"]


def test_where_the_chain_cannot_say_how_old_a_pool_is_a_later_look_asks_again(
    account: Account, registry: Launchpad
) -> None:
    assert isinstance(registry.chain, Registry)
    [order] = put(account, sniper())
    registry.open(pool(), age_s=1)
    registry.chain.knows = False
    registry.step()
    assert (history(order), SeenPool.objects.count()) == (PENDING, 0)

    registry.chain.knows = True
    registry.step()

    assert history(order) == FILLED
