"""Who may open the account stream: keys, single-use tickets, and how many sockets an owner may have."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from channels.db import database_sync_to_async
from django.db import connections

from orders.access.tickets import issue_ticket
from orders.models import Account, ApiKey
from orders.models.key_format import prefix_of
from orders.streams import socket
from orders.tests.factories import api_key
from orders.tests.ws_client import Stream

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.asyncio,
    pytest.mark.usefixtures("no_followers_left"),
]

Drive = Callable[..., None]
ORIGIN = "https://elsewhere.example"


async def test_a_ticket_opens_one_socket_once(account: Account, key: str, client: Any) -> None:
    answer = await database_sync_to_async(client.post)(
        "/api/v1/ws-tickets", content_type="application/json", headers={"Authorization": f"Bearer {key}"}
    )
    offered = ["oe.v1", f"ticket.{answer.json()['ticket']}"]

    async with Stream(subprotocols=offered, origin=ORIGIN) as stream:
        hello, subprotocol = await stream.next(), stream.subprotocol
    async with Stream(subprotocols=offered, origin=ORIGIN) as stream:
        _, code = await stream.close_code()

    assert (answer.status_code, answer.json()["expires_in_s"]) == (201, 30)
    assert (hello["type"], subprotocol, code) == ("hello", "oe.v1", 4401)


async def test_a_ticket_may_come_as_first_frame(account: Account, key: str) -> None:
    ticket = await database_sync_to_async(issue_ticket)(account.pk, prefix_of(key))

    async with Stream(origin=ORIGIN) as stream:
        await stream.send(op="auth", ticket=ticket)
        assert (await stream.next())["type"] == "hello"


@pytest.mark.parametrize("is_open", [True, False])
async def test_a_ticket_of_the_local_account_counts_where_it_needs_no_key(
    account: Account, monkeypatch: pytest.MonkeyPatch, is_open: bool
) -> None:
    monkeypatch.setattr("orders.streams.admission.is_open_to", lambda address: is_open)
    ticket = await database_sync_to_async(issue_ticket)(account.pk, "")

    async with Stream(origin=ORIGIN) as stream:
        await stream.send(op="auth", ticket=ticket)
        assert (await stream.next())["type"] == ("hello" if is_open else "error")


@pytest.mark.parametrize("frame", [{"op": "auth"}, {"op": "auth", "ticket": "x"}, {"op": "ack", "cursor": "a"}, {}])
async def test_another_first_frame_closes(account: Account, frame: dict[str, Any]) -> None:
    async with Stream() as stream:
        await stream.send(**frame)
        assert (await stream.close_code())[1] == 4401


async def test_old_tickets_and_those_of_revoked_keys_open_nothing(account: Account, key: str) -> None:
    codes = []
    old = await database_sync_to_async(issue_ticket)(account.pk, "")
    await database_sync_to_async(_age_tickets)()
    revoked = await database_sync_to_async(issue_ticket)(account.pk, prefix_of(key))
    await ApiKey.objects.aupdate(revoked=True)

    for ticket in (old, revoked):
        async with Stream(subprotocols=["oe.v1", f"ticket.{ticket}"]) as stream:
            codes.append((await stream.close_code())[1])

    assert codes == [4401, 4401]


@pytest.mark.parametrize("change", [{"ip_ranges": ["192.0.2.0/24"]}, {"scopes": ["trade"]}])
async def test_a_ticket_opens_no_more_than_its_key_and_a_socket_ends_with_what_it_needs(
    account: Account, key: str, monkeypatch: pytest.MonkeyPatch, change: dict[str, Any]
) -> None:
    monkeypatch.setattr(socket, "KEY_CHECK_S", 0.05)
    ticket = await database_sync_to_async(issue_ticket)(account.pk, prefix_of(key))
    async with Stream(key) as open_before:
        await open_before.next("snapshot")
        await ApiKey.objects.aupdate(**change)
        async with Stream(subprotocols=["oe.v1", f"ticket.{ticket}"]) as stream:
            codes = [(await stream.close_code())[1], (await open_before.close_code())[1]]

    assert codes == [4401, 4401]


def _age_tickets() -> None:
    with connections["default"].cursor() as cursor:
        cursor.execute("UPDATE orders_wsticket SET created_at = created_at - interval '31 seconds'")


async def test_whom_no_key_or_ticket_vouches_for(
    account: Account, key: str, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(socket, "TICKET_WAIT_S", 0.05)
    codes = []

    async def code(**options: Any) -> None:
        async with Stream(**options) as stream:
            codes.append((await stream.close_code())[1])

    await code()
    await code(key="wrong")
    await code(key=key, origin=ORIGIN)
    settings.API_IS_OPEN = True  # which is for programs and pages of this machine, not for a page from elsewhere
    await code(origin=ORIGIN)
    await code(subprotocols=["other.v1"])

    assert codes == [4401, 4401, 4403, 4401, 4400]


@pytest.mark.parametrize("change", [{"revoked": True}, {"expiry_date": datetime.now(UTC) - timedelta(seconds=1)}])
async def test_a_key_that_ends_ends_its_sockets(
    account: Account, key: str, monkeypatch: pytest.MonkeyPatch, change: dict[str, Any]
) -> None:
    monkeypatch.setattr(socket, "KEY_CHECK_S", 0.05)

    async with Stream(key) as stream:
        await stream.next("snapshot")
        await asyncio.sleep(0.2)
        await ApiKey.objects.aupdate(**change)
        messages, code = await stream.close_code()

    assert (code, messages[-1]["problem"]["code"]) == (4401, "unauthorized")


async def test_a_key_that_may_not_read_opens_no_socket(account: Account) -> None:
    key = await database_sync_to_async(api_key)(account, scopes=["trade"])

    async with Stream(key) as stream:
        messages, code = await stream.close_code()

    assert (code, messages[-1]["problem"]["code"]) == (4403, "scope")


async def test_twenty_sockets_an_owner(account: Account, key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "MAX_SOCKETS", 2)

    async with Stream(key) as first, Stream(key):
        await first.next("hello")
        async with Stream(key) as third:
            assert (await third.close_code())[1] == 4429
    async with Stream(key) as again:
        assert (await again.next())["type"] == "hello"


async def test_a_socket_that_the_server_gives_up_frees_its_place(
    account: Account, key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(socket, "MAX_SOCKETS", 1)
    given_up = await Stream(key).__aenter__()
    await given_up.next("hello")

    given_up.ws.future.cancel()
    await asyncio.wait([given_up.ws.future])

    async with Stream(key) as again:
        assert (await again.next())["type"] == "hello"
