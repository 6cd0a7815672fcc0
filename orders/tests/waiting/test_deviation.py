"""The guard on the distance from the reference price: moving the price for a moment gets no trade out of it."""

import pytest
from django.db.models import F

from dex import Side
from orders.models import Account, Order, PairPrice
from orders.tests.factories import terms
from orders.tests.waiting.market import CHAIN, Market, limit, put, statuses, typed
from orders.tests.waiting.test_stop import let_pass

pytestmark = pytest.mark.django_db(transaction=True)

FIVE_PERCENT = 50_000


def watched(account: Account, market: Market) -> None:
    """A stop far away makes the prices of the pair known, for longer than a window."""
    put(account, typed("stop", {"trigger_price": "0.001"}))
    market.step("100")
    let_pass(60)
    market.step()


@pytest.mark.parametrize("side", list(Side))
def test_a_price_of_a_moment_is_not_traded_at(account: Account, market: Market, side: Side) -> None:
    watched(account, market)
    amount = 10**9 if side is Side.EXACT_IN else 10**8
    guarded, free = (
        put(account, terms(chain_id=CHAIN, side=side, amount=amount, max_deviation_ppm=most))[0]
        for most in (FIVE_PERCENT, None)
    )
    market.step("90")

    assert statuses([guarded, free]) == ["price_deviation", "filled"]
    guarded.refresh_from_db()
    assert guarded.failure is not None
    assert guarded.failure["facts"]["max_deviation_ppm"] == FIVE_PERCENT


def test_a_price_near_the_reference_is(account: Account, market: Market) -> None:
    watched(account, market)
    orders = put(account, terms(chain_id=CHAIN, max_deviation_ppm=FIVE_PERCENT))

    market.step("96")

    assert statuses(orders) == ["filled"]


def test_an_order_with_a_limit_waits_for_the_end_of_it(account: Account, market: Market) -> None:
    watched(account, market)
    orders = put(account, limit("80", max_deviation_ppm=FIVE_PERCENT))
    market.step("90")
    [order] = Order.objects.filter(pk=orders[0].pk)
    assert (order.status, order.waiting_for, order.trigger_kind) == ("PENDING", "price", None)

    Order.objects.filter(pk=order.pk).update(due_at=F("created_at"))
    market.step("100")

    assert statuses(orders) == ["filled"]


def test_where_past_prices_are_not_known_the_mid_price_of_the_moment_is_the_reference(
    account: Account, market: Market
) -> None:
    """A large order's own impact counts, the move of the whole market does not."""
    small, large = put(
        account,
        terms(chain_id=CHAIN, max_deviation_ppm=FIVE_PERCENT),
        terms(chain_id=CHAIN, max_deviation_ppm=FIVE_PERCENT, amount=100_000 * 10**9),
    )

    market.step("10")

    assert statuses([small, large]) == ["filled", "price_deviation"]
    assert not PairPrice.objects.exists()
