"""What a socket meets on its way: an answer and a close code for each family of errors, and no trace in the log."""

import logging
from typing import Any

import pytest
from channels.db import database_sync_to_async
from django.db import OperationalError
from psycopg import errors as postgres
from redis.exceptions import ReadOnlyError

from dex import ChainUnavailable, NoRoute
from orders.models import Account
from orders.streams import account_consumer, feed, order_consumer, socket
from orders.tests.factories import api_key, place
from orders.tests.ws_client import Socket

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.asyncio]

# What is raised, the close code, the problem's code, and whether the log has a trace.
ERRORS = [
    (OperationalError("the connection is closed"), 1012, "not_ready", False),
    (postgres.AdminShutdown("terminating connection"), 1012, "not_ready", False),
    (ConnectionResetError("reset by peer"), 1012, "not_ready", False),
    (ReadOnlyError("READONLY You can't write against a read only replica."), 1012, "not_ready", False),
    (ChainUnavailable("no node answers"), 1012, "chain_unavailable", False),
    (NoRoute("no pools"), 1011, "no_route", False),
    (KeyError("a bug"), 1011, "server_error", True),
]
PLACES = [
    (socket, "caller_of", "/orders/{id}"),
    (socket, "caller_of", "/ws/v1/stream"),
    (order_consumer.OrderConsumer, "_read", "/orders/{id}"),
    (order_consumer, "order_json", "/orders/{id}"),
    (account_consumer, "open_order_ids", "/ws/v1/stream"),
]


@pytest.mark.parametrize(("error", "close_code", "code", "has_trace"), ERRORS, ids=lambda value: str(value)[:20])
@pytest.mark.parametrize(("module", "name", "address"), PLACES, ids=["0", "1", "2", "3", "4"])
async def test_an_error_closes_with_a_problem(
    module: Any,
    name: str,
    address: str,
    error: Exception,
    close_code: int,
    code: str,
    has_trace: bool,
    account: Account,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    [order] = await database_sync_to_async(place)(account)
    key = await database_sync_to_async(api_key)(account)

    def fail(*args: Any, **kwargs: Any) -> Any:
        raise error

    monkeypatch.setattr(module, name, fail)

    async with Socket(address.replace("{id}", str(order.id)), authorization=f"Bearer {key}") as socket:
        messages, closed_with = await socket.until_close()

    assert closed_with == close_code
    assert (messages[-1]["type"], messages[-1]["problem"]["code"]) == ("error", code)
    lines = [r for r in caplog.records if r.levelno >= logging.WARNING and r.name.startswith("orders.streams")]
    # On a machine that stands still Redis may come too late for the feed, which says so.
    lines = [line for line in lines if line.name != feed.__name__ or "Redis" not in line.getMessage()]
    assert [line.exc_info is not None for line in lines] == [has_trace]
