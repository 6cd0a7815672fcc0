"""Limits on the network fees of a day: reserved with the most, settled with what was paid, exactly once."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection, transaction
from django.db.models import F
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dex import Token as Coin
from dex.chains.simulated import SimulatedOptions
from dex.chains.simulated.options import USUAL_FEES
from orders.config import Policy
from orders.models import Account, ApiKey, AuditEntry, Order, Token, TradingControl
from orders.problems import Problem
from orders.reconciliation.ledger_check import check_ledger
from orders.risk.account_limits import miscounted, set_limits
from orders.risk.day_fees import settle_fees
from orders.services.cancel import Actor, cancel_orders
from orders.services.place import Placed, place_orders
from orders.signing.nonces import clear_nonces
from orders.states import Stage
from orders.terms import NewOrder
from orders.tests.charging import ChargingChain, ChargingEngine
from orders.tests.factories import api_key, new_account, terms
from orders.tests.http_client import GOOD, Api
from orders.tests.pipeline.chain_faults import CONFIRMATIONS, Run, ended, settle, stranger, wallet_of
from orders.tests.rivals import beside, wait_for_lock
from orders.values import MICRO, value_of

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.blocks_by_test]

OPERATOR = Actor("t", reason="because")
SOL, SOL_VALUE = Coin("SOL", "Solana", 9), 100 * 10**12
# 0.0005 SOL, worth 0.05.
MOST, COUNTED = 500_000, MICRO // 20


@pytest.fixture(autouse=True)
def values(tokens: None) -> None:
    Token.objects.filter(symbol="SOL").update(value=SOL_VALUE)
    Token.objects.filter(symbol="USDC").update(value=10**12)


@pytest.fixture
def engine(db: None) -> ChargingEngine:
    return ChargingEngine(ChargingChain(SimulatedOptions(required_confirmations=CONFIRMATIONS)))


@pytest.fixture
def chain(engine: ChargingEngine) -> ChargingChain:
    assert isinstance(engine.chain, ChargingChain)
    engine.chain.advance()
    return engine.chain


def order_with(most: int | None = MOST, **changes: Any) -> NewOrder:
    return replace(terms(max_network_fee=most, **changes), native=SOL, native_value=SOL_VALUE)


def limited(account: Account, most: int | None) -> Account:
    set_limits(account, max_day_fees=most, actor=OPERATOR)
    account.refresh_from_db()
    return account


def key_with(account: Account, most: int | None) -> ApiKey:
    api_key(account, max_day_fees=most)
    key: ApiKey = ApiKey.objects.get(account=account, max_day_fees=most)
    return key


def used(row: Account | ApiKey) -> int:
    row.refresh_from_db()
    return int(row.day_fees)


def paid_value(order: Order) -> int:
    order.refresh_from_db()
    value = value_of(order.network_fee_paid or 0, 9, SOL_VALUE)
    assert value is not None
    return value


def test_orders_take_room_for_the_most_that_they_may_cost_until_none_is_left(account: Account) -> None:
    limited(account, 2 * COUNTED + 1)

    answers = place_orders(account, [order_with(), order_with(2 * MOST), order_with(), order_with(20_000)])

    assert [isinstance(answer, Placed) for answer in answers] == [True, False, True, False]
    refused = [answer for answer in answers if isinstance(answer, Problem)]
    assert [(problem.code, problem.facts) for problem in refused] == [
        ("limit_exceeded", {"limit": "account_day_fees", "left": "0.050001", "value": "0.1"}),
        ("limit_exceeded", {"limit": "account_day_fees", "left": "0.000001", "value": "0.002"}),
    ]
    assert used(account) == 2 * COUNTED
    assert miscounted() == []


def test_no_limit_is_none_and_zero_allows_nothing(account: Account) -> None:
    free = key_with(account, None)
    [placed] = place_orders(account, [order_with(None)], key=free)
    assert isinstance(placed, Placed)
    assert Order.objects.get().counted_fee is None

    barred = key_with(account, 0)
    [refused] = place_orders(account, [order_with(1)], key=barred)
    assert isinstance(refused, Problem)
    assert refused.facts["limit"] == "key_day_fees"
    limited(account, 0)
    [refused] = place_orders(account, [order_with(1)])
    assert isinstance(refused, Problem)
    assert refused.facts["limit"] == "account_day_fees"


def test_where_fees_are_limited_an_order_must_say_what_it_may_cost(account: Account) -> None:
    limited(account, COUNTED)

    [unbounded] = place_orders(account, [order_with(None)])
    [unvalued] = place_orders(account, [replace(order_with(), native_value=None)])

    assert isinstance(unbounded, Problem)
    assert (unbounded.code, unbounded.hint) == ("limit_exceeded", "Add fee.max_native")
    assert isinstance(unvalued, Problem)
    assert "SOL has no reference value" in unvalued.detail
    assert used(account) == 0


@pytest.mark.parametrize("by_key", [False, True])
def test_concurrent_posts_never_pass_the_limit(account: Account, by_key: bool) -> None:
    key = key_with(account, 5 * COUNTED) if by_key else None
    if not by_key:
        limited(account, 5 * COUNTED)

    def post(_: int) -> bool:
        try:
            [answer] = place_orders(Account.objects.get(pk=account.pk), [order_with()], key=key)
            return isinstance(answer, Placed)
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(post, range(16)))

    assert sum(results) == 5
    assert used(key or account) == 5 * COUNTED
    assert miscounted() == []


def test_what_was_paid_takes_the_place_of_what_was_reserved(
    account: Account, chain: ChargingChain, run: Run, policy: Policy
) -> None:
    limited(account, 3 * COUNTED)
    key = key_with(account, 3 * COUNTED)
    answers = place_orders(account, [order_with(), order_with(scenario="slippage"), order_with()], key=key)
    orders = [answer.order for answer in answers if isinstance(answer, Placed)]
    assert used(account) == used(key) == 3 * COUNTED

    cancel_orders([orders[2].id], actor=OPERATOR)
    assert used(account) == used(key) == 2 * COUNTED
    for _ in range(4):
        run(policy=policy)
        settle(chain, run, policy)

    assert [ended(order) for order in orders] == [
        ("CONFIRMED", "filled"), ("FAILED", "slippage"), ("FAILED", "cancelled"),
    ]  # fmt: skip
    assert used(account) == used(key) == sum(map(paid_value, orders))
    assert 0 < used(account) < COUNTED
    assert miscounted() == []
    settle_fees([order.id for order in orders])
    assert used(account) == sum(map(paid_value, orders))


@pytest.mark.parametrize("is_ours", [True, False])
def test_a_fee_that_may_come_after_the_end_stays_reserved_until_the_nonce_is_used(
    account: Account, chain: ChargingChain, engine: ChargingEngine, run: Run, policy: Policy, is_ours: bool
) -> None:
    limited(account, COUNTED)
    late = replace(policy, deadline_s=-10)
    [placed] = place_orders(account, [order_with(scenario="stuck")])
    assert isinstance(placed, Placed)
    run(policy=late)
    chain.mine(CONFIRMATIONS)
    run(Stage.CONFIRM, policy=late)
    assert ended(placed.order) == ("FAILED", "expired")
    assert used(account) == COUNTED
    [refused] = place_orders(account, [order_with(1)])
    assert isinstance(refused, Problem)

    if not is_ours:
        chain.broadcast([stranger(chain, wallet_of(account), 0, USUAL_FEES.bumped().bumped())])
        chain.mine(CONFIRMATIONS)
    for _ in range(5):
        clear_nonces(engine, policy)
        chain.mine(CONFIRMATIONS)

    assert used(account) == paid_value(placed.order)
    assert (used(account) > 0) == is_ours
    assert miscounted() == []


def test_what_a_key_counts_is_locked_after_its_account_as_everywhere(account: Account) -> None:
    key = key_with(limited(account, COUNTED), COUNTED)
    [placed] = place_orders(account, [order_with()], key=key)
    assert isinstance(placed, Placed)

    with transaction.atomic():
        Account.objects.select_for_update().get(pk=account.pk)
        settling = beside(lambda: settle_fees([placed.order.id]))
        wait_for_lock()
        assert ApiKey.objects.select_for_update(nowait=True).get(pk=key.pk).day_fees == COUNTED
    settling.result()
    assert used(key) == used(account) == 0


def test_what_ends_on_a_later_day_changes_nothing_of_that_day(account: Account, chain: ChargingChain) -> None:
    limited(account, COUNTED)
    [placed] = place_orders(account, [order_with()])
    assert isinstance(placed, Placed)
    Order.objects.update(counted_day=F("counted_day") - timedelta(days=1))
    Account.objects.update(fee_day=F("fee_day") - timedelta(days=1))

    [today] = place_orders(account, [order_with()])
    assert isinstance(today, Placed)
    cancel_orders([placed.order.id], actor=OPERATOR)

    assert used(account) == COUNTED
    assert miscounted() == []


def test_a_request_from_before_midnight_counts_on_the_day_that_has_begun(account: Account) -> None:
    """Its transaction began first and got the lock last."""
    limited(account, 2 * COUNTED)
    place_orders(account, [order_with()])
    Order.objects.update(counted_day=F("counted_day") + timedelta(days=1))
    Account.objects.update(fee_day=F("fee_day") + timedelta(days=1))

    answers = [place_orders(account, [order_with()])[0] for _ in range(2)]

    assert [isinstance(answer, Placed) for answer in answers] == [True, False]
    assert used(account) == 2 * COUNTED
    assert miscounted() == []


def test_a_wrong_count_is_an_incident_and_pauses_the_account(account: Account) -> None:
    limited(account, COUNTED)
    place_orders(account, [order_with()])
    assert check_ledger() == 0
    Account.objects.update(day_fees=F("day_fees") - 1)

    assert check_ledger() == 1
    assert AuditEntry.objects.latest("id").after == {"whose": "the account", "day_fees_off": "-1"}
    assert TradingControl.objects.get().account == account
    assert check_ledger() == 0


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.sampled_from(("place", "cancel", "run")), st.integers(0, 3)), min_size=3, max_size=12))
def test_the_count_is_the_sum_of_what_orders_count(
    tokens: None, chain: ChargingChain, run: Run, policy: Policy, acts: list[tuple[str, int]]
) -> None:
    account, placed = limited(new_account(), 4 * COUNTED), list[Order]()
    for act, number in acts:
        if act == "place":
            answers = place_orders(account, [order_with(MOST + number, scenario=("none", "slippage")[number % 2])])
            placed += [answer.order for answer in answers if isinstance(answer, Placed)]
        elif act == "cancel":
            cancel_orders([order.id for order in placed[number : number + 1]], actor=OPERATOR)
        else:
            run(policy=policy)
            settle(chain, run, policy, rounds=1)
        assert miscounted() == []
        assert used(account) <= 4 * COUNTED


def test_quotes_and_dry_runs_are_held_to_it_and_commands_show_it(account: Account, drive: Callable[..., None]) -> None:
    call_command("limits", "set", account.name, "--max-day-fees", "0.05", "--reason", "desk", stdout=StringIO())
    api = Api(account)
    dear, fitting = {"fee": {"max_native": "0.0006"}}, {"fee": {"max_native": "0.0005"}}

    for path in ("quotes", "orders?dry_run=true", "orders"):
        assert api.post(path, GOOD).json()["facts"]["limit"] == "account_day_fees"
        assert api.post(path, GOOD | dear).json()["facts"] == {
            "limit": "account_day_fees", "left": "0.05", "value": "0.06",
        }  # fmt: skip
        assert api.post(path, GOOD | fitting).status_code in (200, 201)
    out = StringIO()
    call_command("limits", "show", stdout=out)
    assert "fees 0.05 of 0.05 on 20" in out.getvalue()
    entry = AuditEntry.objects.filter(action="limits.set").latest("id")
    assert entry.after == {"max_open_value": None, "max_open_orders": None, "max_day_fees": "0.05"}
    call_command("limits", "set", account.name, "--max-day-fees", "none", "--reason", "desk", stdout=StringIO())
    assert api.post("orders", GOOD).status_code == 201
