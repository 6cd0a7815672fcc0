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


@pytest.mark.parametrize("is_done", [True, False])
def test_a_message_that_redis_cannot_be_told_of_does_not_keep_the_next_one_away(
    is_done: bool, broker: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where connections broke as often as messages may be under way, the worker was deaf from then on."""
    channel: Any = broker.default_channel
    queue: Any = Queue("broken-off", channel=channel)
    queue.declare()
    channel.basic_publish(channel.prepare_message("{}", content_type="application/json"), "", "broken-off")
    channel.basic_qos(prefetch_count=1)
    message = queue.get(no_ack=False)
    assert not channel.qos.can_consume()

    def break_off(*_: Any, **__: Any) -> None:
        raise ConnectionError

    monkeypatch.setattr(channel.qos, "_remove_from_indices", break_off)
    monkeypatch.setattr(channel.qos, "restore_by_tag", break_off)
    with pytest.raises(ConnectionError):
        message.ack() if is_done else message.reject(requeue=True)

    assert channel.qos.can_consume()


def test_who_sends_a_wake_up_does_not_wait_for_a_broker_that_is_away() -> None:
    """kombu slept two seconds, then four: in a request, and in the main loop of a worker that asks for maintenance."""
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        url = f"redis://127.0.0.1:{nobody.getsockname()[1]}/0"
        began_at = time.monotonic()
        with app.connection_for_write(url) as connection, pytest.raises(OperationalError):
            app.send_task("orders.pipeline.maintenance", connection=connection, retry=False)

    assert time.monotonic() - began_at < 1.0
