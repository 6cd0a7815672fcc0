"""What a worker's connection to Redis does when it ends while messages are being worked on."""

import socket
import time
from collections.abc import Iterator
from typing import Any

import pytest
from django.conf import settings
from kombu import Connection, Queue
from kombu.exceptions import OperationalError

from orderengine.celery import app


@pytest.fixture
def broker() -> Iterator[Connection]:
    with app.connection_for_read() as connection:
        yield connection
        with app.connection_for_read() as another:
            channel: Any = another.default_channel
            channel.queue_delete("broken-off")


def test_a_lost_connection_forgets_its_messages_and_raises_nothing(broker: Connection) -> None:
    """As celery's consumer ends one: kombu's own transport raised AttributeError here, and the worker ended."""
    assert settings.CELERY_BROKER_TRANSPORT == "orderengine.jobs.broker:Transport"
    channel: Any = broker.default_channel
    queue: Any = Queue("broken-off", channel=channel)
    queue.declare()
    messages = []
    for _ in range(3):
        channel.basic_publish(channel.prepare_message("{}", content_type="application/json"), "", "broken-off")
        messages.append(queue.get(no_ack=False))
    acknowledged, running, lost = messages
    acknowledged.ack()

    broker.collect()

    running.ack()
    lost.reject(requeue=True)
    with app.connection_for_read() as another:
        channel = another.default_channel
        left = channel.client.llen("broken-off")
    assert left == 0


def test_a_message_that_cannot_go_back_does_not_keep_the_next_one_away(
    broker: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where connections broke as often as messages may be under way, the worker was deaf from then on."""
    channel: Any = broker.default_channel
    message = fetched(channel)
    assert not channel.qos.can_consume()

    def break_off(*_: Any, **__: Any) -> None:
        raise ConnectionError

    monkeypatch.setattr(channel, "_put", break_off)
    with pytest.raises(ConnectionError):
        message.reject(requeue=True)

    assert channel.qos.can_consume()


def test_redis_keeps_no_copy_of_what_is_under_way(broker: Connection) -> None:
    channel: Any = broker.default_channel
    message = fetched(channel)
    assert list(channel.client.scan_iter("unacked*")) == []

    message.ack()

    assert channel.qos.can_consume()


def test_what_a_dead_process_had_comes_back_and_says_so(broker: Connection) -> None:
    """Its next worker ends the leases of the dead one at once (orders/tasks.py)."""
    channel: Any = broker.default_channel
    message = fetched(channel)
    assert not message.delivery_info.get("redelivered")

    message.reject(requeue=True)

    assert channel.qos.can_consume()
    again: Any = Queue("broken-off", channel=channel).get(no_ack=False)
    assert (again.body, again.delivery_info["redelivered"]) == (message.body, True)


def fetched(channel: Any) -> Any:
    """A message that is under way, of one at most."""
    queue: Any = Queue("broken-off", channel=channel)
    queue.declare()
    channel.basic_publish(channel.prepare_message("{}", content_type="application/json"), "", "broken-off")
    channel.basic_qos(prefetch_count=1)
    return queue.get(no_ack=False)


def test_who_sends_a_wake_up_does_not_wait_for_a_broker_that_is_away() -> None:
    """kombu slept two seconds, then four: in a request, and in the main loop of a worker that asks for maintenance."""
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        url = f"redis://127.0.0.1:{nobody.getsockname()[1]}/0"
        began_at = time.monotonic()
        with app.connection_for_write(url) as connection, pytest.raises(OperationalError):
            app.send_task("orders.pipeline.maintenance", connection=connection, retry=False)

    assert time.monotonic() - began_at < 1.0
