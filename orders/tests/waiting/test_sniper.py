"""Snipers: they fire at a new pool of their pair that fits, at no other, and once."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.db.models import F
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dex.testing import cpmm_pool, dlmm_pool, weighted_pool
from orders.config import Policy
from orders.models import Account, Order, PairPrice, SeenPool, Token, TradingControl
from orders.models.waiting import NEVER_DUE
from orders.tests.factories import new_account
from orders.tests.waiting.market import history, put, statuses, typed
from orders.tests.waiting.pools import (
    FILLED,
    OLD,
    PENDING,
    SOL,
    USDC,
    Launchpad,
    Registry,
    buyer,
    let_pass,
    pool,
    sniper,
    triggered,
)
from orders.tests.waiting.test_rivals import Rival
from orders.waiting import new_pools

pytestmark = pytest.mark.django_db(transaction=True)

TOKENS = ("token_in", "token_out")


def test_it_waits_for_a_pool_and_is_a_market_order_from_then_on(account: Account, pad: Launchpad) -> None:
    [order] = put(account, sniper())
    assert (order.waiting_for, order.trigger_kind, order.due_at) == ("pool", "pool", NEVER_DUE)
    for _ in range(3):
        pad.step()
    assert history(order) == PENDING

    pad.open(pool())
    pad.step()
    pad.step()

    order.refresh_from_db()
    assert (order.outcome, order.trigger_kind, order.waiting_for, order.attempt) == ("filled", None, None, 1)
    assert history(order) == FILLED
    [seen] = triggered(order)
    assert seen.pop("age_s") in range(1, 30)
    assert seen == {
        "kind": "pool",
        "pool": "new",
        "venue": "raydium",
        "liquidity": "1000",
        "liquidity_token": "SOL",
        "block": pad.chain.version,
    }


# --- What it must hold ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("make", "token", "liquidity", "fires"),
    [
        (sniper, "token_in", "1000", True),
        (sniper, "token_in", "1000.000000001", False),
        (sniper, "token_out", "100000", True),
        (sniper, "token_out", "100000.000001", False),
        # Finer than an atom, and more than nothing.
        (sniper, "token_out", "99999.9999999999999", True),
        (buyer, "token_in", "100000", True),
        (buyer, "token_in", "100000.000001", False),
        (buyer, "token_out", "1000", True),
        (buyer, "token_out", "1000.000000001", False),
    ],
)
def test_liquidity_is_what_it_holds_of_the_stated_token_to_the_atom(
    account: Account, pad: Launchpad, make: Callable[..., Any], token: str, liquidity: str, fires: bool
) -> None:
    [order] = put(account, make(liquidity, token=token))
    pad.step()
    pad.open(pool())

    pad.step()

    assert statuses([order]) == (["filled"] if fires else PENDING)


def test_it_fires_when_a_young_pool_has_grown(account: Account, pad: Launchpad) -> None:
    [order] = put(account, sniper("2000"))
    pad.step()
    pad.open(pool())
    pad.step()
    assert history(order) == PENDING

    pad.open(pool(sol=2_000, usdc=200_000))
    pad.step()

    assert history(order) == FILLED


@pytest.mark.parametrize("depth", [(10 * SOL, 0), (0, 1_000 * USDC), (0, 0)])
def test_a_pool_that_came_drained_fires_nothing(account: Account, pad: Launchpad, depth: tuple[int, int]) -> None:
    """Of either side or of both: it could not take part in the trade, or in its reverse."""
    orders = put(account, *(make("0.000000001", token=token) for make in (sniper, buyer) for token in TOKENS))
    pad.step()

    pad.open(dlmm_pool("drained", ("SOL", "USDC"), 0, depth))
    pad.step()

    assert statuses(orders) == PENDING * 4
    assert SeenPool.objects.filter(pool_id="drained").exists()


def test_a_pool_of_which_dust_is_left_fires_nothing_that_asks_for_more(account: Account, pad: Launchpad) -> None:
    orders = put(account, *(make("2", token=token) for make in (sniper, buyer) for token in TOKENS))
    pad.step()

    pad.open(cpmm_pool("dust", ("SOL", "USDC"), (1, 2 * USDC - 1)))
    pad.step()

    assert statuses(orders) == PENDING * 4


def test_of_two_pools_the_older_one_is_named(account: Account, registry: Launchpad) -> None:
    registry.open(pool("younger"), age_s=5)
    registry.open(pool("a little older"), age_s=6)
    [order] = put(account, sniper())

    registry.step()

    assert [seen["pool"] for seen in triggered(order)] == ["a little older"]


def test_a_pool_of_many_tokens_is_one_of_each_of_its_pairs(account: Account, pad: Launchpad) -> None:
    many = weighted_pool(
        "many", ("SOL", "ETH", "USDC"), (1_000 * SOL, 30 * 10**8, 100_000 * USDC), (40, 30, 30), decimals=(9, 8, 6)
    )
    pair: dict[str, Any] = {"token_in": "ETH", "decimals_in": 8, "amount": 10**7}
    orders = put(account, sniper(), buyer(token="token_out"), sniper("30", **pair), sniper("31", **pair))
    pad.step()

    pad.open(many)
    pad.trigger()

    assert [[seen["pool"] for seen in triggered(order)] for order in orders] == [["many"]] * 3 + [[]]


def test_pools_of_other_pairs_fire_nothing(account: Account, pad: Launchpad) -> None:
    [order] = put(account, sniper())
    pad.step()
    pad.open(cpmm_pool("aside", ("SOL", "ETH"), (10_000 * SOL, 10_000 * 10**8)), pool("foreign", venue="unheard of"))

    pad.step()

    assert history(order) == PENDING


# --- What keeps it from firing ----------------------------------------------------------------------------


def test_a_venue_that_the_order_does_not_trade_on_fires_nothing(account: Account, pad: Launchpad) -> None:
    orders = put(
        account,
        sniper(deny=["raydium"]),
        sniper(allow=["orca"]),
        sniper(deny=["orca"]),
        sniper(allow=["orca", "raydium"]),
    )
    pad.step()
    pad.open(pool())

    pad.trigger()

    assert [len(triggered(order)) for order in orders] == [0, 0, 1, 1]


def test_a_token_on_the_orders_list_fires_nothing(account: Account, pad: Launchpad) -> None:
    many = weighted_pool(
        "many", ("SOL", "ETH", "USDC"), (1_000 * SOL, 30 * 10**8, 100_000 * USDC), (40, 30, 30), decimals=(9, 8, 6)
    )
    orders = put(account, sniper(deny_tokens=["ETH"]), sniper(deny_tokens=["BTC"]), sniper(deny_tokens=["USDC"]))
    pad.step()
    pad.open(many)

    pad.trigger()

    assert [len(triggered(order)) for order in orders] == [0, 1, 0]


@pytest.mark.parametrize("name", ["SOL", "USDC", "ETH"])
def test_a_token_that_is_switched_off_fires_nothing_until_it_is_on_again(
    account: Account, pad: Launchpad, name: str
) -> None:
    many = weighted_pool(
        "many", ("SOL", "ETH", "USDC"), (1_000 * SOL, 30 * 10**8, 100_000 * USDC), (40, 30, 30), decimals=(9, 8, 6)
    )
    [order] = put(account, sniper())
    pad.step()
    Token.objects.filter(symbol=name).update(is_enabled=False)
    pad.open(many)
    pad.trigger()
    assert history(order) == PENDING

    Token.objects.update(is_enabled=True)
    pad.trigger()

    assert len(triggered(order)) == 1


@pytest.mark.parametrize("scope", ["venue", "account", "global"])
def test_a_pause_holds_it_and_what_is_still_new_afterwards_fires(account: Account, pad: Launchpad, scope: str) -> None:
    [order] = put(account, sniper())
    pad.step()
    row = TradingControl.objects.create(
        venue="raydium" if scope == "venue" else "",
        account=account if scope == "account" else None,
        actor="test",
        reason="test",
    )
    pad.open(pool())
    pad.step()
    assert history(order) == PENDING

    row.delete()
    pad.step()
    pad.step()

    assert history(order) == FILLED
    assert len(triggered(order)) == 1


def test_a_pool_that_has_grown_old_during_a_pause_fires_nothing(account: Account, pad: Launchpad) -> None:
    [order] = put(account, sniper())
    pad.step()
    row = TradingControl.objects.create(account=account, actor="test", reason="test")
    pad.open(pool())
    pad.step()
    let_pass(61)
    row.delete()

    pad.step()

    assert history(order) == PENDING


def test_while_the_chain_is_away_nothing_is_known_and_afterwards_it_fires_once(
    account: Account, pad: Launchpad
) -> None:
    [order] = put(account, sniper())
    pad.step()
    looked_at = SeenPool.objects.get().seen_at
    pad.open(pool())
    pad.chain.is_away = True
    for _ in range(3):
        assert pad.trigger()
    assert (history(order), SeenPool.objects.get().seen_at) == (PENDING, looked_at)

    pad.chain.is_away = False
    pad.step()
    pad.step()

    assert history(order) == FILLED


def test_a_venue_that_the_accounts_wallet_cannot_trade_on_fires_nothing(
    account: Account, pad: Launchpad, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Some venues need a wallet that acts in batches; another account's may."""
    able, unable = new_account(), new_account()
    [first], [second] = put(able, sniper()), put(unable, sniper())
    pad.step()
    closed: dict[int, frozenset[str]] = {unable.id: frozenset({"raydium"})}
    monkeypatch.setattr(new_pools, "closed_venues", lambda ids, engine, makes_wallets: closed)
    pad.open(pool())

    pad.trigger()

    assert (len(triggered(first)), history(second)) == (1, PENDING)


def test_an_order_that_is_out_of_time_is_not_executed(account: Account, pad: Launchpad) -> None:
    soon = datetime.now(UTC) + timedelta(minutes=1)
    [order] = put(account, sniper(expires_at=soon, time_in_force="gtd"))
    assert order.due_at == soon
    pad.step()
    past = datetime.now(UTC) - timedelta(seconds=1)
    Order.objects.filter(pk=order.pk).update(expires_at=past, due_at=past)
    pad.open(pool())

    pad.step()

    assert statuses([order]) == ["expired"]


def test_one_that_is_claimed_before_its_time_is_put_back(account: Account, pad: Launchpad) -> None:
    [order] = put(account, sniper())
    Order.objects.update(due_at=order.created_at)

    pad.work()

    order.refresh_from_db()
    assert (order.status, order.trigger_kind, order.waiting_for) == ("PENDING", "pool", "pool")
    assert order.due_at.year > 2500


def test_a_market_below_its_guard_ends_it_with_nothing_traded(account: Account, pad: Launchpad) -> None:
    """As a market order's: the pool has fired it, and its maker's price is not what its owner takes."""
    [order] = put(account, sniper(min_amount_out=101 * USDC))
    pad.step()
    pad.open(pool())

    pad.step()

    order.refresh_from_db()
    assert (order.status, order.outcome, order.amount_out) == ("FAILED", "slippage", None)
    assert len(triggered(order)) == 1


def test_pools_and_prices_are_waited_for_side_by_side(account: Account, pad: Launchpad) -> None:
    stop = {"trigger_price": "90", "trigger_source": "last"}
    orders = put(account, sniper(), buyer(), typed("stop", stop), typed("limit", {"limit_price": "99"}))

    pad.step()

    assert statuses(orders) == ["PENDING", "PENDING", "PENDING", "filled"]
    assert not PairPrice.objects.exists()  # no order waits for the median of one


def test_terms_that_are_replaced_beside_a_pass_hold_from_then_on(pad: Launchpad) -> None:
    """Before each of its statements: either the pool has fired the order, or the order has its new terms."""
    step, was_early = 1, True
    won = set()
    while was_early:
        pad.chain.pools = (OLD,)
        [order] = put(new_account(), sniper("999"))
        pad.step()
        pad.open(pool(f"new {step}"))
        unmoved = Order.objects.filter(pk=order.pk, status="PENDING", seq=1)
        # As PATCH does behind the row's lock.
        rival = Rival(step, lambda rows=unmoved: rows.update(seq=2, trigger_at_price=10**9))  # type: ignore[misc]
        with connection.execute_wrapper(rival):
            pad.trigger()
        was_early = rival.result is not None
        assert len(triggered(order)) == (0 if rival.result else 1), step
        won.add(rival.result)
        Order.objects.filter(pk=order.pk, status="PENDING").update(status="FAILED", seq=F("seq") + 1, outcome="expired")
        step += 1
    assert won == {0, 1, None}
    assert step > 5


def test_an_order_that_cannot_fire_holds_up_no_other(
    account: Account, pad: Launchpad, monkeypatch: pytest.MonkeyPatch
) -> None:
    bad, good = put(account, sniper(), sniper())
    pad.step()
    pad.open(pool())
    real = new_pools._seen

    def fails(hit: Any, block: int) -> Any:
        if hit.order.id == bad.id:
            raise RuntimeError("bug")
        return real(hit, block)

    monkeypatch.setattr("orders.waiting.new_pools._seen", fails)
    pad.step()

    assert statuses([bad, good]) == ["PENDING", "filled"]


def test_more_than_one_statement_takes_are_all_fired(
    account: Account, pad: Launchpad, monkeypatch: pytest.MonkeyPatch
) -> None:
    orders = put(account, *(sniper() for _ in range(7)))
    pad.step()
    monkeypatch.setattr("orders.waiting.new_pools.MOST", 3)
    monkeypatch.setattr("orders.waiting.new_pools._FIND", _find_at_most(3))
    pad.open(pool())

    pad.trigger()

    assert [len(triggered(order)) for order in orders] == [1] * 7


def _find_at_most(count: int) -> str:
    assert new_pools._FIND.count("LIMIT 500") == 1
    return new_pools._FIND.replace("LIMIT 500", f"LIMIT {count}")


POOLS = st.lists(
    st.tuples(
        st.integers(1, 5),  # thousands of SOL
        st.integers(0, 90) | st.none(),  # its age by the chain
        st.sampled_from(["raydium", "orca?"]),
    ),
    min_size=1,
    max_size=4,
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=15)
@given(
    POOLS,
    st.lists(st.tuples(st.integers(1, 5), st.integers(1, 90), st.sampled_from(["token_in", "token_out"])), min_size=3),
)
def test_it_fires_exactly_where_a_pool_fits(
    policy: Policy, tokens: None, pools: list[tuple[int, int | None, str]], wanted: list[tuple[int, int, str]]
) -> None:
    """Both bounds at once, of every order against every pool."""
    SeenPool.objects.all().delete()
    pad = Launchpad(policy, Registry(()))
    for number, (size, age_s, venue) in enumerate(pools):
        # A venue that this engine does not know lists no pool.
        pad.open(pool(f"{number}", 1_000 * size, 100_000 * size, venue=venue), age_s=age_s)
    orders = put(
        new_account(),
        *(
            sniper(str(size * (1_000 if token == "token_in" else 100_000)), age_s, token)
            for size, age_s, token in wanted
        ),
    )

    pad.trigger()

    fitting = [
        any(
            age_s is not None and age_s <= most and size >= least and venue == "raydium" for size, age_s, venue in pools
        )
        for least, most, _ in wanted
    ]
    assert [len(triggered(order)) == 1 for order in orders] == fitting
    Order.objects.filter(status="PENDING").update(status="FAILED", seq=F("seq") + 1, outcome="cancelled")
