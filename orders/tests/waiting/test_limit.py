"""Limit orders: when they are routed, what they are filled at, and who wins where several want the same order."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from django.db import connection, transaction
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from dex import ChainUnavailable, Engine, Side
from dex.chains.simulated import SimulatedChain, SimulatedOptions
from dex.testing import cpmm_pool, v2_pool
from orders.audit.record import Actor
from orders.config import Policy
from orders.models import Account, Order, OrderEvent
from orders.models.waiting import NEVER_DUE
from orders.order_types import ORDER_TYPES, MarketView
from orders.pipeline.loop import run_stage
from orders.pipeline.results import AFTER_ATTEMPTS_S
from orders.risk.pause import find_target, pause, resume
from orders.services.cancel import CancelResult, cancel_orders
from orders.states import Stage
from orders.tests.factories import place, terms
from orders.tests.order_types.test_contract_flow import Api
from orders.tests.rivals import in_thread
from orders.tests.waiting.market import DEPTH, Market, history, limit, put, statuses
from orders.waiting.trigger_pass import trigger_orders

pytestmark = pytest.mark.django_db(transaction=True)

PERSON = Actor("person", reason="test", is_admin=True)


def test_it_waits_until_the_market_gives_its_price(account: Account, market: Market) -> None:
    [order] = put(account, limit("110"))
    assert (order.waiting_for, order.trigger_kind, order.trigger_at_price) == ("price", "limit", Decimal(110))
    assert order.due_at == NEVER_DUE

    for price in ("100", "109", "110", "110.2"):  # the fee keeps the last two below the limit
        market.step(price)
        assert history(order) == ["PENDING"]
    market.step("110.5")

    order.refresh_from_db()
    assert (order.status, order.outcome, order.attempt) == ("CONFIRMED", "filled", 1)
    assert order.min_amount_out is not None
    assert order.amount_out is not None
    assert order.amount_out >= order.min_amount_out >= 110 * 10**6
    assert history(order) == ["PENDING", "ROUTING", "BUILDING", "SUBMITTED", "CONFIRMED"]


@pytest.mark.parametrize("side", list(Side))
def test_a_large_order_waits_for_the_price_at_which_all_of_it_is_filled(
    account: Account, market: Market, side: Side
) -> None:
    """It is not routed each block meanwhile."""
    amount = 50_000 * 10**9 if side is Side.EXACT_IN else 5_500_000 * 10**6
    [order] = put(account, limit("110", amount=amount, side=side))

    market.step("111")  # the first atom trades above the limit, the whole does not
    order.refresh_from_db()
    assert (order.status, order.waiting_for) == ("PENDING", "price")
    assert history(order) == ["PENDING", "ROUTING", "PENDING"]
    # Deeper pools do not show in the price that it waits for.
    assert timedelta(seconds=590) < order.due_at - order.updated_at < timedelta(seconds=610)
    for price in ("111.1", "111.2", "111.3"):
        market.step(price)
    events_before = OrderEvent.objects.count()
    for price in ("112", "114", "116", "118", "120"):
        market.step(price)

    order.refresh_from_db()
    assert (order.status, order.outcome, order.attempt) == ("CONFIRMED", "filled", 1)
    assert order.amount_in is not None
    assert order.amount_out is not None
    assert order.amount_out * 10**9 >= 110 * order.amount_in * 10**6
    assert OrderEvent.objects.count() - events_before <= 12


@pytest.mark.parametrize(("word", "outcome"), [("ioc", "expired"), ("fok", "not_filled")])
def test_without_a_wait_it_is_filled_at_once_or_ends(account: Account, market: Market, word: str, outcome: str) -> None:
    orders = put(account, limit("90", time_in_force=word), limit("110", time_in_force=word))

    market.work()

    assert statuses(orders) == ["filled", outcome]
    failure = Order.objects.get(pk=orders[1].pk).failure
    assert failure is not None
    assert failure["code"] == outcome
    assert failure["facts"]


def test_it_expires_while_it_waits(account: Account, market: Market) -> None:
    ends_at = datetime.now(UTC) + timedelta(hours=1)
    [order] = put(account, limit("110", time_in_force="gtd", expires_at=ends_at))
    assert order.due_at == ends_at
    market.step("105")
    assert history(order) == ["PENDING"]

    Order.objects.update(due_at=ends_at - timedelta(hours=2), expires_at=ends_at - timedelta(hours=2))
    market.step("105")

    order.refresh_from_db()
    assert order.failure is not None
    assert (order.outcome, "its price was not reached" in order.failure["detail"]) == ("expired", True)


@pytest.mark.parametrize("is_reached", [False, True])
def test_a_cancel_ends_it_at_once(account: Account, market: Market, is_reached: bool) -> None:
    [order] = put(account, limit("110"))
    if is_reached:
        market.set("120")
        market.trigger()

    assert cancel_orders([order.id], actor=PERSON)[order.id] is CancelResult.CANCELLED

    market.step("120")
    assert statuses([order]) == ["cancelled"]
    assert history(order) == ["PENDING", "FAILED"]


@pytest.mark.parametrize("is_reached", [False, True])
def test_a_pause_holds_it(account: Account, market: Market, is_reached: bool) -> None:
    """Before its price is reached and after; the price that holds when trading is resumed decides."""
    [order] = put(account, limit("110"))
    if is_reached:
        market.set("120")
        market.trigger()
    target = find_target("global", "", market.engine)
    pause(target, PERSON)

    market.step("120")
    assert history(order) == ["PENDING"]
    resume(target, PERSON)
    market.step("105" if not is_reached else "120")

    assert statuses([order]) == (["filled"] if is_reached else ["PENDING"])


def test_of_two_passes_at_once_one_makes_an_order_due(account: Account, market: Market) -> None:
    orders = put(account, *(limit("110") for _ in range(20)))
    market.set("120")

    market.trigger()
    due = dict(Order.objects.values_list("id", "due_at"))
    market.trigger()

    assert dict(Order.objects.values_list("id", "due_at")) == due
    market.work()
    assert statuses(orders) == ["filled"] * 20
    assert all(len(history(order)) == 5 for order in orders)


def test_a_locked_order_holds_up_no_other_and_is_found_by_the_next_pass(account: Account, market: Market) -> None:
    orders = put(account, limit("110"), limit("110"))
    market.set("120")
    with transaction.atomic():
        Order.objects.select_for_update().get(pk=orders[0].pk)
        in_thread(market.trigger)
        in_thread(market.work)
        assert statuses(orders) == ["PENDING", "filled"]
    market.step()

    assert statuses(orders) == ["filled", "filled"]


def test_nobody_waits_for_a_broken_chain(account: Account, market: Market, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is reached when it is back is executed then."""

    def away() -> None:
        raise ChainUnavailable("no node answers")

    orders = put(account, limit("110"))
    with monkeypatch.context() as patched:
        patched.setattr(type(market.chain), "snapshot", lambda _: away())
        market.set("120")
        market.step()
        assert history(orders[0]) == ["PENDING"]
    market.step()

    assert statuses(orders) == ["filled"]


@given(
    amount=st.integers(1, 10**24),
    price=st.decimals("0.000000001", "1000000", places=9, allow_nan=False, allow_infinity=False),
    side=st.sampled_from(Side),
    decimals=st.tuples(st.integers(0, 24), st.integers(0, 24)),
    stated=st.none() | st.integers(1, 10**24),
)
def test_what_the_chain_enforces_is_never_worse_than_the_limit_nor_needlessly_better(
    amount: int, price: Decimal, side: Side, decimals: tuple[int, int], stated: int | None
) -> None:
    """In integers: token_out atoms for token_in atoms, compared with the exact rational price."""
    guard = {"min_amount_out" if side is Side.EXACT_IN else "max_amount_in": stated}
    order = limit(str(price), amount=amount, side=side, decimals_in=decimals[0], decimals_out=decimals[1], **guard)
    rate = Fraction(price) * Fraction(10) ** (decimals[1] - decimals[0])

    [part] = ORDER_TYPES["limit"].becomes(order, amount, MarketView(datetime.now(UTC)))

    if side is Side.EXACT_IN:
        least = part.terms.min_amount_out
        assert least is not None
        assert least >= amount * rate
        assert least >= (stated or 0)
        assert least - 1 < max(amount * rate, Fraction(stated or 0))
    else:
        most = part.terms.max_amount_in
        assert most is not None
        assert most * rate <= amount
        assert most <= (stated if stated is not None else most)
        assert (most + 1) * rate > amount or most == stated


def test_it_works_on_the_simulated_chain_from_the_api_on(
    account: Account, engine: Engine, policy: Policy, monkeypatch: pytest.MonkeyPatch
) -> None:
    """POST, wait, a pass, the fill."""
    api = Api(account)
    body = {"token_in": "SOL", "token_out": "USDC", "amount": "2", "type": "limit", "limit_price": "1.5"}
    shown = api.post(body).json()
    assert (shown["status"], shown["waiting_for"], shown["time_in_force"]) == ("PENDING", "price", "gtc")
    far = api.post(body | {"limit_price": "150000"}).json()

    for stage in Stage:
        if stage is not Stage.CHILDREN:
            run_stage(stage, engine=engine, policy=policy)
    assert api.get(f"orders/{shown['id']}")["status"] == "PENDING"
    assert trigger_orders(engine, policy, 0.0)
    assert api.get(f"orders/{shown['id']}")["waiting_for"] == "worker"
    run_stage(Stage.ROUTE, engine=engine, policy=policy)

    filled = api.get(f"orders/{shown['id']}")
    assert (filled["status"], filled["outcome"]) == ("CONFIRMED", "filled")
    assert int(filled["min_amount_out_raw"]) >= 3 * 10**6
    assert api.get(f"orders/{far['id']}")["waiting_for"] == "price"
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM orders_orderevent WHERE order_id = %s", [far["id"]])
        assert cursor.fetchone() == (1,)


@pytest.mark.parametrize("is_confirmed_later", [False, True])
def test_it_is_tried_again_after_all_attempts_of_another_order_were_undone_but_rarely(
    account: Account, policy: Policy, is_confirmed_later: bool
) -> None:
    """The chain undoes its swap for the price, which is what it waits for: it stays open, at most one try a minute.

    Whether the same worker carries it on to its receipt, or one claims it then, which reads no terms.
    """
    chain = SimulatedChain(SimulatedOptions(required_confirmations=5 if is_confirmed_later else 1))
    once, engine = replace(policy, max_attempts=1), Engine(chain)
    own = {"type_terms": {"limit_price": "1.5"}, "order_type": "limit"}
    waits, fills = place(
        account,
        terms(**own, time_in_force="gtc", scenario="slippage"),
        terms(**own, time_in_force="ioc", scenario="slippage"),
    )
    assert trigger_orders(engine, once, 0.0)
    for stage in Stage:
        if stage is not Stage.CHILDREN:
            run_stage(stage, engine=engine, policy=once)
    if is_confirmed_later:
        assert {history(order)[-1] for order in (waits, fills)} == {"SUBMITTED"}
        chain.mine(5)
        Order.objects.update(due_at=timezone.now())
        run_stage(Stage.CONFIRM, engine=engine, policy=once)

    waits.refresh_from_db()
    fills.refresh_from_db()
    assert (fills.status, fills.outcome, fills.attempt) == ("FAILED", "slippage", 1)
    assert (waits.status, waits.attempt) == ("ROUTING", 2)
    assert waits.network_fee_paid
    last = waits.events.order_by("-seq")[0]
    assert last.data["retry"]["in_ms"] >= AFTER_ATTEMPTS_S * 1000
    assert waits.due_at - last.at >= timedelta(seconds=AFTER_ATTEMPTS_S - 1)
    assert cancel_orders([waits.id], actor=Actor("its owner")) == {waits.id: CancelResult.CANCELLED}


def two_pools(market: Market, allowed: str, other: str) -> None:
    """A block in which SOL costs so much in the one pool and in the one that an order must go round."""
    here, there = (int(Fraction(price) * DEPTH / 1000) for price in (allowed, other))
    pair = ("SOL", "USDC")
    market.chain.pools = (cpmm_pool("here", pair, (DEPTH, here)), v2_pool("there", pair, (DEPTH, there)))
    market.chain.version += 1


@pytest.mark.parametrize("kept", [{"allow": ["raydium"]}, {"deny": ["uniswap_v2"]}])
def test_a_price_that_its_route_cannot_use_wakes_it_ever_more_rarely_and_not_with_each_pass(
    account: Account, market: Market, kept: dict[str, Any]
) -> None:
    [order] = put(account, limit("110", **kept))
    pauses = []
    for _ in range(40):
        two_pools(market, "100", "120")
        market.step()
        order.refresh_from_db()
        if order.trigger_kind is None:  # it waits for time: let that come
            pauses.append(round((order.due_at - order.updated_at).total_seconds()))
            Order.objects.update(due_at=timezone.now())

    assert order.status == "PENDING"
    assert pauses == sorted(pauses)
    assert pauses[:4] == [2, 8, 32, 60]
    assert pauses[-1] == 60
    # Of two tries one is by time.
    assert len(history(order)) - 1 <= 2 * 2 * len(pauses) + 2
    two_pools(market, "111", "120")
    market.step()
    market.step()
    Order.objects.update(due_at=timezone.now())
    market.work()
    assert statuses([order]) == ["filled"]
