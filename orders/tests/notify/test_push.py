"""Events as messages: they say what the rows say, and none is believed that this engine has not sent."""

import json
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
from channels.layers import get_channel_layer
from django.db import OperationalError, connection

from orders.event_log.log import epoch_now, event_message, order_events
from orders.models import Account, Order
from orders.notify import push
from orders.notify.envelope import open_sealed, seal
from orders.notify.push import MAX_EVENTS, News, push_events, read_news
from orders.services.cancel import Actor, cancel_orders
from orders.tests.factories import new_account, place, terms

Drive = Callable[..., None]
SCENARIOS = ("none", "slippage", "network", "timeout", "dropped", "slow", "race")


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[News]:
    """What is sent, as its receivers read it."""
    news: list[News] = []

    def keep(message: bytes) -> None:
        layer: Any = get_channel_layer()
        read = read_news(layer.deserialize(message))
        assert read is not None
        news.append(read)

    monkeypatch.setattr(push, "_send", keep)
    return news


@pytest.mark.django_db(transaction=True)
def test_a_message_holds_what_the_row_of_its_event_holds(account: Account, drive: Drive, sent: list[News]) -> None:
    orders = place(account, *(terms(scenario=scenario) for scenario in SCENARIOS))
    [cancelled] = place(account)
    cancel_orders([cancelled.id], actor=Actor("t"))
    drive()

    told = {(event.order_id, event.seq): event for news in sent for event in news.events}
    rows = [row for order in [*orders, cancelled] for row in order_events(order.id, 0)]
    assert len(rows) > 5 * len(SCENARIOS)
    for row in rows[0], *rows:
        if row.seq == 1:  # told of by the answer to the POST
            assert (row.order_id, row.seq) not in told
            continue
        event, stored = told[row.order_id, row.seq], event_message(row, epoch_now())
        assert event[:4] == stored[:4]
        assert json.loads(event.text) == json.loads(stored.text)
    assert {(news.epoch, *news.account_ids) for news in sent} == {(epoch_now(), account.pk)}


@pytest.mark.django_db
def test_of_a_large_batch_the_accounts_are_named_alone(account: Account, sent: list[News]) -> None:
    other = new_account()
    placed = place(account, *(terms() for _ in range(MAX_EVENTS))) + place(other)
    events = [event for order in placed for event in order_events(order.id, 0)]

    push_events(events[:MAX_EVENTS])
    push_events(events)

    assert [(list(news.account_ids), len(news.events)) for news in sent] == [
        ([account.pk], MAX_EVENTS),
        (sorted([account.pk, other.pk]), 0),
    ]


@pytest.mark.django_db
def test_where_the_database_is_lost_after_the_commit_the_accounts_are_named(
    account: Account, sent: list[News], monkeypatch: pytest.MonkeyPatch
) -> None:
    [order] = place(account)
    events = order_events(order.id, 0)

    def lost() -> str:
        raise OperationalError

    monkeypatch.setattr(push, "session_epoch", lost)
    push_events(events)

    assert sent == [News("", [account.pk], [])]


@pytest.mark.django_db
def test_behind_a_pooler_the_accounts_are_named_alone(
    account: Account, sent: list[News], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A failover ends no session there: the next transaction may see a database that has none of these events."""
    events = order_events(place(account)[0].id, 0)
    monkeypatch.setitem(connection.settings_dict["OPTIONS"], "pooler", "transaction")

    push_events(events)

    assert sent == [News("", [account.pk], [])]


def test_nothing_is_sent_of_no_events(sent: list[News]) -> None:
    push_events([])

    assert sent == []


def test_a_message_that_was_changed_or_made_elsewhere_is_none_of_ours(settings: Any) -> None:
    body = push._packed(News("epoch", [1], []))
    message = seal(body)

    assert open_sealed(message) == body
    assert read_news(message) == News("epoch", [1], [])
    forgeries: tuple[Any, ...] = (
        {**message, "body": body.replace(b"epoch", b"Epoch")},
        {**message, "code": bytes(16)},
        {**message, "code": message["code"][:8]},
        {**message, "code": message["code"].hex()},
        {**message, "body": "text"},
        {"type": "order.events", "accounts": [1]},
        {},
        [],
        5,
        None,
    )
    assert [read_news(forged) for forged in forgeries] == [None] * len(forgeries)
    settings.SECRET_KEY = f"another-{uuid4()}"
    assert read_news(message) is None


@pytest.mark.django_db(transaction=True)
def test_the_epoch_is_asked_once_for_each_session(
    account: Account, sent: list[News], django_assert_num_queries: Any
) -> None:
    from django.db import connection

    [order] = place(account)
    events = order_events(order.id, 0)
    connection.close()

    with django_assert_num_queries(1):
        push_events(events)
        push_events(events)

    assert len({news.epoch for news in sent}) == 1
    assert Order.objects.get(pk=order.pk).seq == 1
