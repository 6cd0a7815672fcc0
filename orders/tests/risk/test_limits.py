"""Limits of accounts and of keys per day: exact under races, given back exactly once, and free where there are none."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection
from django.db.models import F

from dex import Side
from orders.audit.record import Actor
from orders.config import Policy
from orders.models import Account, ApiKey, AuditEntry, Order, Token
from orders.pipeline.loop import run_stage
from orders.problems import Problem
from orders.risk.account_limits import miscounted, set_limits
from orders.services.cancel import cancel_orders
from orders.services.place import Placed, place_orders
from orders.states import LIVE, Stage
from orders.terms import NewOrder
from orders.tests.factories import api_key, place, terms
from orders.values import MICRO, parse_value, shown, value_of

pytestmark = pytest.mark.django_db(transaction=True)

Drive = Callable[..., None]
OPERATOR = Actor("t", reason="because")


def limit(account: Account, value: int | None, count: int | None = None) -> Account:
    set_limits(account, max_open_value=value, max_open_orders=count, actor=OPERATOR)
    account.refresh_from_db()
    return account


def open_now(account: Account) -> tuple[int, int]:
    account.refresh_from_db()
    return account.open_orders, account.open_value


@pytest.mark.parametrize(
    ("atoms", "decimals", "unit_value", "value"),
    [
        (10**9, 9, 143_990_000_000_000, 143_990_000),
        (1, 9, 143_990_000_000_000, 1),
        (10**5, 5, 9_570_000, 10),
        (1, 18, 10**12, 1),
        (10**30, 6, 10**12, 10**30),
        (5, 0, 0, 0),
        (5, 9, None, None),
    ],
)
def test_values_are_whole_and_rounded_up(atoms: int, decimals: int, unit_value: int | None, value: int | None) -> None:
    assert value_of(atoms, decimals, unit_value) == value


@pytest.mark.parametrize("text", ["-1", "x", "1e99", "NaN", "Infinity", "0.0000001", ""])
def test_a_limit_that_is_no_amount_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=" is "):
        parse_value(text)


def test_limits_read_back_as_they_were_written() -> None:
    assert [shown(parse_value(text)) for text in ("0", "1", "250000", "0.5", "1.000001")] == [
        "0", "1", "250000", "0.5", "1.000001",
    ]  # fmt: skip


def test_orders_take_room_in_their_order_until_none_is_left(account: Account) -> None:
    limit(account, 10 * MICRO)

    answers = place_orders(account, [terms(value=n * MICRO) for n in (4, 7, 6, 1)])

    assert [isinstance(answer, Placed) for answer in answers] == [True, False, True, False]
    refused = [answer for answer in answers if isinstance(answer, Problem)]
    assert [(p.code, p.status, p.facts["left"]) for p in refused] == [
        ("limit_exceeded", 403, "6"), ("limit_exceeded", 403, "0"),
    ]  # fmt: skip
    assert open_now(account) == (2, 10 * MICRO)
    assert Order.objects.count() == 2
    assert miscounted() == []


def test_the_count_of_open_orders_is_limited_too(account: Account) -> None:
    limit(account, None, 2)

    answers = place_orders(account, [terms() for _ in range(3)])

    assert [isinstance(answer, Placed) for answer in answers] == [True, True, False]
    assert open_now(account) == (2, 0)


def test_a_token_without_a_value_is_refused_where_value_is_limited(account: Account) -> None:
    limit(account, 10 * MICRO)

    [answer] = place_orders(account, [terms(value=None)])

    assert isinstance(answer, Problem)
    assert answer.code == "limit_exceeded"
    assert open_now(account) == (0, 0)


@pytest.mark.parametrize(("value", "most_in", "counted"), [(9, 10, 10), (9, 8, 9)])
def test_a_purchase_counts_what_it_gets_or_may_give_whichever_is_more(
    account: Account, value: int, most_in: int, counted: int
) -> None:
    limit(account, 20 * MICRO)
    api_key(account, max_day_value=20 * MICRO)
    key = ApiKey.objects.get()
    # A SOL is worth 2 here: `most_in` is half as many of them.
    order = purchase(value * MICRO, most_in * 10**9 // 2)

    answers = place_orders(account, [order, order, order], key=key)

    assert [isinstance(answer, Placed) for answer in answers] == [True, True, False]
    key.refresh_from_db()
    assert (open_now(account), key.day_value) == ((2, 2 * counted * MICRO), 2 * counted * MICRO)


def test_a_purchase_whose_cost_nothing_bounds_is_refused_where_value_is_limited(account: Account) -> None:
    limit(account, 20 * MICRO)

    [unbounded] = place_orders(account, [purchase(MICRO, None)])
    [unvalued] = place_orders(account, [replace(purchase(MICRO, 1), unit_value_in=None)])

    assert isinstance(unbounded, Problem)
    assert (unbounded.code, unbounded.facts) == ("limit_exceeded", {"limit": "open_value", "left": "20"})
    assert "max_amount_in" in unbounded.detail
    assert isinstance(unvalued, Problem)
    assert "reference value" in unvalued.detail
    assert open_now(account) == (0, 0)
    limit(account, None, 5)
    assert isinstance(place_orders(account, [purchase(MICRO, None)])[0], Placed)
    assert open_now(account) == (1, MICRO)


def test_counting_begins_with_what_open_purchases_may_cost(account: Account) -> None:
    Token.objects.filter(symbol__in=["SOL", "USDC"]).update(value=2 * 10**12)
    place(account, purchase(0, 5 * 10**9), purchase(0, 10**9), purchase(0, None))

    limit(account, 100 * MICRO)

    assert open_now(account) == (3, (10 + 6 + 6) * MICRO)
    assert miscounted() == []


def purchase(value: int, max_amount_in: int | None) -> NewOrder:
    """3 USDC for SOL, whose reference value is 2."""
    bought = terms(side=Side.EXACT_OUT, amount=3 * 10**6, value=value, max_amount_in=max_amount_in)
    return replace(bought, unit_value_in=2 * 10**12)


def test_a_replay_takes_no_room_and_is_never_refused(account: Account) -> None:
    limit(account, 5 * MICRO, 1)
    mine = terms(client_order_id="once", value=5 * MICRO)
    [first] = place_orders(account, [mine])

    [again] = place_orders(account, [mine])

    assert isinstance(first, Placed)
    assert isinstance(again, Placed)
    assert again.is_replay
    assert again.order.id == first.order.id
    assert open_now(account) == (1, 5 * MICRO)


def test_every_way_to_end_gives_the_room_back(account: Account, drive: Drive) -> None:
    limit(account, 100 * MICRO, 10)
    filled, slipped, unroutable, cancelled = place(
        account,
        terms(value=MICRO),
        terms(value=2 * MICRO, scenario="slippage"),
        terms(value=3 * MICRO, min_amount_out=10**30),
        terms(value=4 * MICRO),
    )
    assert open_now(account) == (4, 10 * MICRO)

    cancel_orders([cancelled.id], actor=OPERATOR)
    assert open_now(account) == (3, 6 * MICRO)
    drive()

    assert [Order.objects.get(pk=o.pk).outcome for o in (filled, slipped, unroutable, cancelled)] == [
        "filled", "slippage", "slippage", "cancelled",
    ]  # fmt: skip
    assert open_now(account) == (0, 0)
    assert miscounted() == []


def test_room_and_end_commit_together(account: Account, engine: Any, policy: Policy, monkeypatch: Any) -> None:
    """A crash between the terminal status and what it gives back leaves neither."""
    limit(account, 100 * MICRO)
    [order] = place(account, terms(value=MICRO, min_amount_out=10**30))

    class Crash(BaseException):
        """The process is gone."""

    def crash(*_: object) -> None:
        raise Crash

    monkeypatch.setattr("orders.pipeline.transition.release", crash)
    with pytest.raises(Crash):
        run_stage(Stage.ROUTE, engine=engine, policy=policy)

    order.refresh_from_db()
    assert order.status == "ROUTING"
    assert open_now(account) == (1, MICRO)
    assert miscounted() == []


def test_requests_side_by_side_never_exceed_the_limit(account: Account, engine: Any, policy: Policy) -> None:
    """Twelve threads place and cancel against room for five."""
    limit(account, 5 * MICRO, 5)

    def work(_: int) -> int:
        try:
            accepted = 0
            for _ in range(5):
                for answer in place_orders(account, [terms(value=MICRO) for _ in range(2)]):
                    if isinstance(answer, Placed):
                        accepted += 1
                        assert Order.objects.filter(account=account, status__in=LIVE).count() <= 5
                        cancel_orders([answer.order.id], actor=OPERATOR)
            return accepted
        finally:
            connection.close()

    with ThreadPoolExecutor(12) as pool:
        accepted = sum(pool.map(work, range(12)))

    assert accepted > 5
    assert Order.objects.count() == accepted
    assert open_now(account) == (0, 0)
    assert miscounted() == []


def test_many_at_once_fill_the_room_exactly(account: Account) -> None:
    limit(account, 7 * MICRO)

    def post(_: int) -> bool:
        try:
            return isinstance(place_orders(account, [terms(value=2 * MICRO)])[0], Placed)
        finally:
            connection.close()

    with ThreadPoolExecutor(10) as pool:
        accepted = list(pool.map(post, range(20)))

    assert sum(accepted) == 3
    assert open_now(account) == (3, 6 * MICRO)


def test_counting_begins_with_what_is_open_already(account: Account, drive: Drive) -> None:
    Token.objects.filter(symbol="SOL").update(value=144 * 10**12)
    early, also = place(account, terms(), terms())
    cancel_orders([also.id], actor=OPERATOR)

    limit(account, 200 * MICRO)

    assert open_now(account) == (1, 144 * MICRO)
    [answer] = place_orders(account, [terms(value=57 * MICRO)])
    assert isinstance(answer, Problem)
    drive()
    early.refresh_from_db()
    assert early.status == "CONFIRMED"
    assert open_now(account) == (0, 0)
    assert miscounted() == []


def test_no_order_slips_past_the_moment_at_which_counting_begins(account: Account) -> None:
    """Inserts race the first limit: each is either counted by it, or came after it and was judged."""

    def post(_: int) -> None:
        try:
            for _ in range(6):
                place_orders(account, [terms(value=MICRO)])
        finally:
            connection.close()

    with ThreadPoolExecutor(5) as pool:
        rivals = [pool.submit(post, i) for i in range(4)]
        set_limits(account, max_open_value=None, max_open_orders=10, actor=OPERATOR)
        for rival in rivals:
            rival.result()

    account.refresh_from_db()
    assert account.is_counted
    assert account.open_orders == Order.objects.filter(account=account).count()
    assert not Order.objects.filter(account=account, held_value__isnull=True).exists()
    assert miscounted() == []


def test_orders_beyond_a_limit_set_later_go_on_and_new_ones_are_refused(account: Account) -> None:
    Token.objects.update(value=10**12)
    first = terms(value=MICRO, client_order_id="first")
    api_key(account, max_day_value=10 * MICRO)
    key = ApiKey.objects.get()
    place_orders(account, [first, terms(value=MICRO), terms(value=MICRO)], key=key)

    ApiKey.objects.update(max_day_value=MICRO)
    set_limits(account, max_open_value=MICRO, max_open_orders=1, actor=OPERATOR)

    for used in (None, key):
        [refused] = place_orders(account, [terms(value=MICRO)], key=used)
        assert isinstance(refused, Problem)
        assert refused.code == "limit_exceeded"
        [replay] = place_orders(account, [first], key=used)
        assert isinstance(replay, Placed)
        assert replay.is_replay
    assert open_now(account) == (3, 3 * MICRO)
    assert miscounted() == []


def test_a_lifted_limit_lets_everything_in_and_goes_on_counting(account: Account) -> None:
    limit(account, MICRO)
    limit(account, None)

    place(account, terms(value=50 * MICRO))

    assert open_now(account) == (1, 50 * MICRO)
    assert miscounted() == []


def test_an_account_without_limits_is_not_written_to(account: Account, drive: Drive) -> None:
    place(account)
    before = _version(account)

    place(account)
    drive()

    assert _version(account) == before
    assert not Order.objects.filter(held_value__isnull=False).exists()


def _version(account: Account) -> Any:
    with connection.cursor() as cursor:
        cursor.execute("SELECT xmin::text, ctid::text FROM orders_account WHERE id = %s", [account.id])
        return cursor.fetchone()


def test_the_audit_tells_what_does_not_add_up(account: Account) -> None:
    limit(account, 10 * MICRO)
    place(account, terms(value=MICRO))

    Account.objects.filter(pk=account.pk).update(open_value=2 * MICRO)

    assert len(miscounted()) == 1
    assert account.name in miscounted()[0]
    with pytest.raises(CommandError, match=account.name):
        call_command("limits", "check")


def test_what_is_open_cannot_become_negative(account: Account) -> None:
    with pytest.raises(DatabaseError, match="account_open_in_range"):
        Account.objects.filter(pk=account.pk).update(open_orders=-1)


def test_limits_are_set_from_the_command_line_with_a_reason(account: Account, capsys: Any) -> None:
    call_command("limits", "set", account.name, "--max-open-value", "250000.5", "--reason", "risk desk")

    account.refresh_from_db()
    entry = AuditEntry.objects.get()
    assert account.max_open_value == 250_000_500_000
    assert (entry.action, entry.subject, entry.reason) == ("limits.set", f"account:{account.name}", "risk desk")
    assert (entry.before, entry.after) == (
        {"max_open_value": None, "max_open_orders": None, "max_day_fees": None},
        {"max_open_value": "250000.5", "max_open_orders": None, "max_day_fees": None},
    )
    assert "250000.5" in capsys.readouterr().out
    with pytest.raises(CommandError):
        call_command("limits", "set", account.name, "--max-open-value", "1")
    call_command("limits", "check")


def test_a_key_has_so_much_a_day(account: Account) -> None:
    api_key(account, max_day_value=10 * MICRO)
    key = ApiKey.objects.get()

    answers = place_orders(account, [terms(value=6 * MICRO), terms(value=6 * MICRO), terms(value=4 * MICRO)], key=key)

    assert [isinstance(answer, Placed) for answer in answers] == [True, False, True]
    key.refresh_from_db()
    assert key.day_value == 10 * MICRO
    cancel_orders([a.order.id for a in answers if isinstance(a, Placed)], actor=OPERATOR)
    assert isinstance(place_orders(account, [terms(value=MICRO)], key=key)[0], Problem)
    ApiKey.objects.update(day="2001-01-01")
    assert isinstance(place_orders(account, [terms(value=10 * MICRO)], key=key)[0], Placed)
    key.refresh_from_db()
    assert key.day_value == 10 * MICRO


def test_a_day_is_filled_exactly_by_many_at_once(account: Account) -> None:
    api_key(account, max_day_value=7 * MICRO)
    key = ApiKey.objects.get()

    def post(_: int) -> bool:
        try:
            return isinstance(place_orders(account, [terms(value=2 * MICRO)], key=key)[0], Placed)
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        accepted = list(pool.map(post, range(16)))

    assert sum(accepted) == 3
    assert Order.objects.count() == 3


def test_a_request_from_before_midnight_takes_nothing_from_the_day_that_has_begun(account: Account) -> None:
    """Its transaction began first and got the lock last: what it counts is added to the later day."""
    api_key(account, max_day_value=5 * MICRO)
    key = ApiKey.objects.get()
    place_orders(account, [terms(value=2 * MICRO)], key=key)
    ApiKey.objects.update(day=F("day") + timedelta(days=1))

    answers = [place_orders(account, [terms(value=2 * MICRO)], key=key)[0] for _ in range(2)]

    assert [isinstance(answer, Placed) for answer in answers] == [True, False]
    key.refresh_from_db()
    assert key.day_value == 4 * MICRO
