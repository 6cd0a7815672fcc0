"""Stops: they fire at their price and at no other, once, and are then what they become."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from django.db import connection
from django.db.models import F
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from orders.config import Policy
from orders.models import Account, Heartbeat, Order, OrderEvent, PairPrice
from orders.models.waiting import NEVER_DUE
from orders.pipeline.loop import run_stage
from orders.states import Stage
from orders.tests.factories import new_account
from orders.tests.waiting.market import CHAIN, Market, history, put, statuses, typed

pytestmark = pytest.mark.django_db(transaction=True)

PENDING = ["PENDING"]
LAST = {"trigger_source": "last"}


def let_pass(seconds: float) -> None:
    """As if the prices that are known had been noted earlier by that time, by passes that went on."""
    PairPrice.objects.update(at=F("at") - timedelta(seconds=seconds))


def triggered(order: Order) -> list[dict[str, object]]:
    """What its triggers have seen."""
    events = OrderEvent.objects.filter(order=order, data__has_key="triggered").order_by("seq")
    return [event.data["triggered"] for event in events]


@pytest.mark.parametrize(
    ("own", "quiet", "firing"),
    [
        ({"trigger_price": "90"}, ["100", "90.01", "200"], "90"),
        ({"trigger_price": "90", "trigger": "below"}, ["100", "91"], "50"),
        ({"trigger_price": "110", "trigger": "above"}, ["100", "109.99", "1"], "110"),
    ],
)
def test_it_fires_at_its_price_and_is_a_market_order_then(
    account: Account, market: Market, own: dict[str, str], quiet: list[str], firing: str
) -> None:
    [order] = put(account, typed("stop", own | LAST))
    assert (order.waiting_for, order.due_at) == ("price", NEVER_DUE)

    for price in quiet:
        market.step(price)
        assert history(order) == PENDING
    market.step(firing)

    order.refresh_from_db()
    assert (order.outcome, order.trigger_kind, order.attempt) == ("filled", None, 1)
    assert history(order) == ["PENDING", "PENDING", "ROUTING", "BUILDING", "SUBMITTED", "CONFIRMED"]
    [seen] = triggered(order)
    assert (seen["mid_price"], seen["trigger_price"]) == (firing, own["trigger_price"])
    assert seen["block"] == market.chain.version


def test_what_has_fired_stays_fired(account: Account, market: Market) -> None:
    [order] = put(account, typed("stop", {"trigger_price": "90"} | LAST))
    market.set("80")
    market.trigger()
    assert history(order) == ["PENDING", "PENDING"]

    market.step("100")

    assert statuses([order]) == ["filled"]
    assert len(triggered(order)) == 1


def test_a_single_block_does_not_move_the_reference_price(account: Account, market: Market) -> None:
    """For longer than half of the window it does."""
    stop, guarded = put(account, typed("stop", {"trigger_price": "90"} | LAST), typed("stop", {"trigger_price": "90"}))
    market.step("100")
    let_pass(60)

    market.step("50")
    assert statuses([stop, guarded]) == ["filled", "PENDING"]
    let_pass(14)
    market.step()
    assert statuses([guarded]) == PENDING
    let_pass(2)
    market.step()

    assert statuses([guarded]) == ["filled"]
    [seen] = triggered(guarded)
    assert (seen["reference_price"], seen["mid_price"], seen["kind"]) == ("50", "50", "falls")


def test_a_price_that_comes_back_in_time_fires_nothing(account: Account, market: Market) -> None:
    [order] = put(account, typed("stop", {"trigger_price": "90"}))
    for price, seconds in (("100", 60), ("50", 14), ("100", 15), ("50", 14), ("100", 20)):
        market.step(price)
        let_pass(seconds)
    market.step()

    assert history(order) == PENDING


def test_after_a_gap_the_window_begins_again(account: Account, market: Market) -> None:
    """What the price was meanwhile is unknown: a stop that is reached still fires, half a window later."""
    [order] = put(account, typed("stop", {"trigger_price": "90"}))
    market.step("50")
    let_pass(60)
    Heartbeat.objects.filter(name=f"prices:{CHAIN}").update(at=datetime.now(UTC) - timedelta(seconds=30))

    market.step()
    assert history(order) == PENDING
    assert PairPrice.objects.count() == 1
    let_pass(15.1)
    market.step()

    assert statuses([order]) == ["filled"]


def test_a_pair_that_nobody_waits_for_is_forgotten(account: Account, market: Market) -> None:
    """Its old price must not count as that of the time in between."""
    [first] = put(account, typed("stop", {"trigger_price": "50"}))
    [other] = put(
        account, typed("stop", {"trigger_price": "50"}, token_in="USDC", token_out="SOL", decimals_in=6, decimals_out=9)
    )
    market.step("100")
    assert PairPrice.objects.count() == 2
    Order.objects.filter(pk=first.pk).update(status="FAILED", seq=2, outcome="cancelled")

    market.step("60")

    assert set(PairPrice.objects.values_list("token_in", flat=True)) == {"USDC"}
    assert history(other) == PENDING


def test_the_history_stays_within_its_window(account: Account, market: Market) -> None:
    put(account, typed("stop", {"trigger_price": "1"}))
    for number in range(12):
        market.step(str(100 + number))
        let_pass(10)
    market.step("150")

    # Three of 30 s, the one before that held at the window's beginning, and the newest.
    assert PairPrice.objects.count() <= 5


def test_a_stop_limit_waits_for_its_limit_once_it_has_fired(account: Account, market: Market) -> None:
    own = {"trigger_price": "90", "limit_price": "85"} | LAST
    [order] = put(account, typed("stop_limit", own))

    market.step("80")
    order.refresh_from_db()
    assert (order.status, order.trigger_kind, order.waiting_for) == ("PENDING", "limit", "price")
    market.step("84")
    assert statuses([order]) == PENDING
    market.step("95")

    order.refresh_from_db()
    assert order.outcome == "filled"
    assert order.min_amount_out is not None
    assert order.min_amount_out >= 85 * 10**6
    assert len(triggered(order)) == 1


def test_a_stop_limit_that_has_not_fired_is_not_filled_at_its_limit(account: Account, market: Market) -> None:
    [order] = put(account, typed("stop_limit", {"trigger_price": "90", "limit_price": "85"} | LAST))

    market.step("100")

    assert history(order) == PENDING


def test_a_trailing_stop_follows_the_best_price(account: Account, market: Market) -> None:
    [order] = put(account, typed("trailing_stop", {"trail_bps": "1000"} | LAST))
    for price, trigger in (("100", 90), ("95", 90), ("120", 108), ("109", 108), ("130", 117)):
        market.step(price)
        order.refresh_from_db()
        assert (order.status, order.trigger_at_price) == ("PENDING", Decimal(trigger))

    market.step("117")

    assert statuses([order]) == ["filled"]
    assert [seen["trigger_price"] for seen in triggered(order)] == ["117"]


def test_a_trailing_stop_that_waits_for_the_reference_price_is_not_moved_by_a_block(
    account: Account, market: Market
) -> None:
    [order] = put(account, typed("trailing_stop", {"trail_bps": "1000"}))
    market.step("100")
    let_pass(60)
    market.step()
    for price in ("200", "100", "60", "100"):
        market.step(price)
        let_pass(3)

    order.refresh_from_db()
    assert (order.status, order.trigger_at_price) == ("PENDING", Decimal(90))


def test_one_that_is_claimed_before_its_time_is_put_back(account: Account, market: Market, policy: Policy) -> None:
    [order] = put(account, typed("stop", {"trigger_price": "90"} | LAST))
    Order.objects.update(due_at=order.created_at)

    market.work()

    order.refresh_from_db()
    assert (order.status, order.trigger_kind, order.waiting_for) == ("PENDING", "last_falls", "price")
    assert order.due_at.year > 2500
    market.step("80")
    assert statuses([order]) == ["filled"]


def test_an_order_that_cannot_fire_holds_up_no_other(account: Account, market: Market) -> None:
    """Of own terms that its type did not store."""
    bad, good = put(
        account, *(typed("stop_limit", {"trigger_price": "90", "limit_price": "80"} | LAST) for _ in range(2))
    )
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE orders_order SET terms = jsonb_set(terms, '{type_terms,nonsense}', '1') WHERE id = %s", [bad.id]
        )

    market.step("88")

    assert statuses([bad, good]) == ["PENDING", "filled"]


MOVES = st.lists(st.integers(50, 200).map(str), min_size=1, max_size=8)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=10)
@given(MOVES, st.integers(60, 190), st.sampled_from(["above", "below"]))
def test_along_a_known_path_of_prices_it_fires_in_the_first_block_that_reaches_it_and_in_no_other(
    market: Market, path: list[str], price: int, side: str
) -> None:
    [order] = put(new_account(), typed("stop", {"trigger_price": str(price), "trigger": side} | LAST))
    reached = [int(step) >= price if side == "above" else int(step) <= price for step in path]

    for step, is_reached in zip(path, reached, strict=True):
        market.set(step)
        market.trigger()
        if is_reached:
            break

    assert len(triggered(order)) == int(any(reached))
    if any(reached):
        [seen] = triggered(order)
        assert seen["mid_price"] == path[reached.index(True)]
    run_stage(Stage.ROUTE, engine=market.engine, policy=market.policy)
    assert statuses([order]) == (["filled"] if any(reached) else PENDING)
    Order.objects.filter(status="PENDING").update(status="FAILED", seq=F("seq") + 1, outcome="cancelled")
