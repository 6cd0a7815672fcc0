"""A socket of a caller who was seen before opens by one statement, which refuses a caller who may not be let in now."""

import asyncio
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pytest
from channels.db import database_sync_to_async
from django.utils.module_loading import import_string

from dex import Side
from orders.access import known
from orders.access.authentication import caller_with
from orders.database.rows import Condition
from orders.event_log.log import order_events
from orders.models import Account, ApiKey, Order, TradingControl
from orders.models.key_format import prefix_of
from orders.pauses import Controls
from orders.presentation.orders import order_json
from orders.selectors import read_controls, shown_order, shown_with_events
from orders.services.cancel import Actor, cancel_orders
from orders.states import OrderStatus, Stage
from orders.streams import socket
from orders.streams.order_consumer import OrderConsumer
from orders.tests.factories import api_key, new_account, place, terms
from orders.tests.ws_client import Socket

Run = Callable[..., None]
AT = datetime(2999, 1, 1, tzinfo=UTC)
WAIT_S = 60.0
asynchronous = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.asyncio,
    pytest.mark.usefixtures("no_followers_left"),
]


@pytest.fixture(autouse=True)
def prompt_close(settings: Any) -> None:
    settings.WS_LINGER_S = 0.05


def follow(order: Order, key: str) -> Socket:
    return Socket(f"/orders/{order.id}", authorization=f"Bearer {key}")


async def first_word(order: Order, key: str) -> Any:
    """`snapshot`, or the close code."""
    async with follow(order, key) as opened:
        message = await opened.next()
        return message["type"] if message["type"] == "snapshot" else (await opened.until_close())[1]


async def seen(account: Account, key: str) -> Order:
    """An order of which a socket was open. The use of the key is noted for as long as the test takes."""
    known._known.clear()
    [order] = await database_sync_to_async(place)(account)
    assert await first_word(order, key) == "snapshot"
    await ApiKey.objects.filter(prefix=prefix_of(key)).aupdate(last_used_at=AT)
    return order


class TestSockets:
    pytestmark = asynchronous

    async def test_who_was_seen_is_not_looked_up(
        self, account: Account, key: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        order = await seen(account, key)
        monkeypatch.setattr(socket, "caller_of", None)

        assert await first_word(order, key) == "snapshot"

    async def test_one_is_accepted_while_its_order_is_not_read_yet(
        self, account: Account, key: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        order = await seen(account, key)
        monkeypatch.setattr(socket, "OPEN_S", 0.0)
        may_read, read = threading.Event(), OrderConsumer._read

        def held(*args: Any) -> Any:
            assert may_read.wait(WAIT_S)
            return read(*args)

        monkeypatch.setattr(OrderConsumer, "_read", held)
        try:
            async with follow(order, key) as opened:
                may_read.set()
                assert (await opened.next())["type"] == "snapshot"
        finally:
            may_read.set()

    @pytest.mark.parametrize(
        ("changes", "word"),
        [
            ({"revoked": True}, 4401),
            ({"expiry_date": datetime.now(UTC) - timedelta(days=1)}, 4401),
            ({"hashed_key": "sha512$$0"}, 4401),
            ({"ip_ranges": ["10.0.0.0/8"]}, 4401),
            ({"scopes": ["trade"]}, 4403),
            ({"last_used_at": None}, "snapshot"),
            ({"name": "another"}, "snapshot"),
        ],
        ids=lambda value: str(value)[:16],
    )
    async def test_a_change_of_its_key_holds_from_the_next_socket_on(
        self, account: Account, key: str, changes: dict[str, Any], word: Any
    ) -> None:
        order = await seen(account, key)
        await ApiKey.objects.filter(prefix=prefix_of(key)).aupdate(**changes)

        assert await first_word(order, key) == word

    async def test_a_key_that_was_deleted_opens_none(self, account: Account, key: str) -> None:
        order = await seen(account, key)
        await ApiKey.objects.filter(prefix=prefix_of(key)).adelete()

        assert await first_word(order, key) == 4401

    async def test_a_key_that_is_given_to_another_account_opens_none_of_the_first(
        self, account: Account, key: str
    ) -> None:
        order = await seen(account, key)
        other = await database_sync_to_async(new_account)()
        await ApiKey.objects.filter(prefix=prefix_of(key)).aupdate(account=other)

        assert await first_word(order, key) == 4404

    async def test_who_was_seen_follows_no_order_of_others(self, account: Account, key: str) -> None:
        await seen(account, key)
        other = await database_sync_to_async(new_account)()
        [order] = await database_sync_to_async(place)(other)

        assert await first_word(order, key) == 4404

    async def test_who_was_seen_has_as_many_sockets_as_others(
        self, account: Account, key: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        order = await seen(account, key)
        monkeypatch.setattr(socket, "MAX_SOCKETS", 1)

        async with follow(order, key) as first:
            await first.next()
            assert await first_word(order, key) == 4429
        assert await first_word(order, key) == "snapshot"

    async def test_what_happens_while_the_rows_are_read_is_sent(
        self, account: Account, key: str, drive: Run, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The order is followed before it is read: what is in the snapshot already is not repeated."""
        order = await seen(account, key)
        reading, ended = asyncio.Event(), asyncio.Event()
        loop = asyncio.get_running_loop()

        def slow(*args: Any) -> Any:
            shown = shown_order(*args)
            loop.call_soon_threadsafe(reading.set)
            asyncio.run_coroutine_threadsafe(ended.wait(), loop).result(WAIT_S)
            return shown

        monkeypatch.setattr("orders.streams.order_consumer.shown_order", slow)
        async with follow(order, key) as opened:
            await asyncio.wait_for(reading.wait(), WAIT_S)
            await database_sync_to_async(drive)()
            ended.set()
            snapshot = await opened.next()
            events, _ = await opened.until_close()

        assert snapshot["seq"] == 1
        assert [event["seq"] for event in events] == [2, 3, 4, 5]


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("seq", [0, 3, 9])
def test_an_order_and_its_events_are_read_in_one_round_trip(
    account: Account, drive: Run, seq: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    [order] = place(account)
    drive()
    trips: list[bool] = []
    conversations: Any = import_string("orderengine.postgres.conversation.Conversation")
    send = conversations.send

    def counted(conversation: Any, *, commits: bool = False) -> None:
        trips.append(commits)
        send(conversation, commits=commits)

    monkeypatch.setattr(conversations, "send", counted)
    found = shown_with_events(account.pk, order.pk, seq)
    assert trips == [True]
    assert shown_with_events(account.pk, order.pk, seq, Condition("FALSE")) is None

    assert found
    shown, events = found
    assert (shown.order.pk, shown.order.status, shown.order.seq) == (order.pk, "CONFIRMED", 5)
    assert events == order_events(order.pk, seq)
    assert [event.seq for event in events] == [1, 2, 3, 4, 5][seq:]


def same(orders: list[Order], controls: Controls) -> set[tuple[str, str | None]]:
    """Compare what a socket shows with what the ORM reads; the states that were compared."""
    for order in orders:
        read = Order.objects.get(pk=order.pk)
        shown = shown_order(order.account_id, order.pk)
        assert shown
        assert list(shown.controls.rows) == list(controls.rows)
        with_socket = orjson.dumps(order_json(shown.order, shown.controls, AT))
        assert with_socket == orjson.dumps(order_json(read, controls, AT))
    return set(Order.objects.filter(pk__in=[order.pk for order in orders]).values_list("status", "outcome"))


@pytest.mark.django_db(transaction=True)
def test_sockets_show_what_the_orm_reads_in_every_state(account: Account, run: Run, drive: Run) -> None:
    rich = terms(
        side=Side.EXACT_OUT,
        amount=10**8,
        client_order_id="mine",
        expires_at=AT,
        time_in_force="gtd",
        max_price_impact_ppm=90_000,
        max_amount_in=10**18,
        max_quote_age_ms=60_000,
        max_legs=2,
        deny=["nowhere"],
        deny_tokens=["NONE"],
        fee_strategy="fast",
        max_network_fee=10**12,
        tags={"b\u00fcch": "\u2028<&>"},
    )
    failing = terms(scenario="slippage")
    orders = place(account, terms(), rich, failing, terms(min_amount_out=10**30), terms())
    states = same(orders, Controls())
    cancel_orders([orders[-1].pk], actor=Actor("t"))
    for stage in Stage:
        run(stage)
        states |= same(orders, Controls())
    TradingControl.objects.create(account=account, reason="drill")
    TradingControl.objects.create(venue="raydium", reason="drill")
    states |= same([*orders, *place(account)], read_controls())
    TradingControl.objects.all().delete()
    drive()
    states |= same(orders, Controls())

    assert {status for status, _ in states} >= {OrderStatus.PENDING, OrderStatus.CONFIRMED, OrderStatus.FAILED}
    assert len({outcome for _, outcome in states}) >= 3


@pytest.mark.django_db
def test_every_column_that_is_left_out_is_unshown(account: Account) -> None:
    """No part of the JSON asks for one: it would be a statement of its own."""
    [order] = place(account)
    shown = shown_order(account.pk, order.pk)
    assert shown
    left_out = shown.order.get_deferred_fields()

    order_json(shown.order, shown.controls)

    assert shown.order.get_deferred_fields() == left_out


@pytest.mark.django_db
def test_a_caller_is_known_by_all_of_its_key(account: Account) -> None:
    """What a caller carries is what the next request goes by, also what is added to keys later."""
    text = api_key(account, scopes=["read"], venues=["raydium"], max_order_value=5)
    known._known.clear()
    found = known.look_up(f"Bearer {text}", "127.0.0.1")
    read = caller_with(ApiKey.objects.select_related("account").get(prefix=prefix_of(text)))

    assert found
    assert found.caller == read
    assert found.caller.key
    assert found.caller.key.__dict__.keys() == read.key.__dict__.keys()
    assert {**found.caller.key.__dict__, "_state": 0, "last_used_at": 0} == {
        **read.key.__dict__,
        "_state": 0,
        "last_used_at": 0,
    }
