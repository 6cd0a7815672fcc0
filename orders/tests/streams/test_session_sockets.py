"""Sockets of people who are signed in: opened by a ticket alone, and ended with their session."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from channels.db import database_sync_to_async
from django.contrib.sessions.models import Session
from django.core.management import call_command
from django.test import Client

from orders.models import Account, Membership
from orders.streams import admission, socket
from orders.tests.factories import new_account, place
from orders.tests.people import browser_of, new_person
from orders.tests.ws_client import Socket, Stream

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.asyncio,
    pytest.mark.usefixtures("no_followers_left", "tokens"),
]


@database_sync_to_async
def ticket_of(client: Client) -> list[str]:
    """The subprotocols that a page offers."""
    answer = client.post("/api/v1/ws-tickets", "{}", content_type="application/json")
    assert answer.status_code == 201
    return ["oe.v1", f"ticket.{answer.json()['ticket']}"]


@database_sync_to_async
def browser(account: Account, role: str = "trading") -> tuple[Any, Client]:
    user = new_person(account, role)
    return user, browser_of(user)


async def test_a_ticket_opens_one_socket_of_the_account_and_a_cookie_opens_none(
    account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    [mine] = await database_sync_to_async(place)(account)
    [theirs] = await database_sync_to_async(place)(await database_sync_to_async(new_account)())
    _, client = await browser(account)
    offered = await ticket_of(client)
    cookie = f"sessionid={client.cookies['sessionid'].value}"

    async with Stream(subprotocols=offered, origin="http://testserver", cookie=cookie) as stream:
        snapshot = await stream.next("snapshot")
    async with Stream(subprotocols=offered) as again:
        used = (await again.close_code())[1]
    with monkeypatch.context() as patch:
        patch.setattr(socket, "TICKET_WAIT_S", 0.05)
        async with Stream(origin="http://testserver", host="testserver", cookie=cookie) as stream:
            bare = (await stream.close_code())[1]
    found, foreign = [await ticket_of(client) for _ in range(2)]
    codes = []
    for order, ticket in ((mine, found), (theirs, foreign)):
        async with Socket(f"/orders/{order.id}") as other:
            await other.ws.send_to(json.dumps({"op": "auth", "ticket": ticket[1].removeprefix("ticket.")}))
            message = await other.next()
            codes.append(message.get("seq") or message["problem"]["code"])

    assert [order["id"] for order in snapshot["orders"]] == [str(mine.id)]
    assert (used, bare, codes) == (4401, 4401, [1, "not_found"])


def _other_password(user: Any) -> None:
    user.set_password("another one that is long")
    user.save()


ENDS: dict[str, Callable[[Any, Client], Any]] = {
    "signed out": lambda user, client: client.post("/sign-out"),
    "deactivated": lambda user, client: call_command("users", "deactivate", user.username),
    "password": lambda user, client: _other_password(user),
    "role": lambda user, client: call_command("users", "role", user.username, "read_only"),
    "account": lambda user, client: Membership.objects.update(account=new_account()),
    "no role": lambda user, client: call_command("users", "remove-role", user.username),
    "device": lambda user, client: call_command("users", "reset-two-factor", user.username),
    "idle": lambda user, client: Session.objects.update(expire_date="2026-01-01T00:00Z"),
}


@pytest.mark.parametrize("end", ENDS)
async def test_a_socket_ends_with_what_opened_it(account: Account, monkeypatch: pytest.MonkeyPatch, end: str) -> None:
    monkeypatch.setattr(socket, "KEY_CHECK_S", 0.05)
    user, client = await browser(account)
    offered, unused = await ticket_of(client), await ticket_of(client)

    async with Stream(subprotocols=offered) as stream:
        await stream.next("snapshot")
        await database_sync_to_async(ENDS[end])(user, client)
        messages, code = await stream.close_code()
    async with Stream(subprotocols=unused) as late:
        first = (await late.next())["type"]

    assert (code, messages[-1]["problem"]["code"]) == (4401, "unauthorized")
    assert first == ("hello" if end == "role" else "error"), "a ticket opens what its session opens now"


async def test_a_socket_of_a_session_that_goes_on_stays_open(account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "KEY_CHECK_S", 0.02)
    looks = 0
    real = admission.access_now

    def counted(*args: Any) -> Any:
        nonlocal looks
        looks += 1
        return real(*args)

    monkeypatch.setattr(socket, "access_now", counted)
    _, client = await browser(account, "read_only")

    async with Stream(subprotocols=await ticket_of(client)) as stream:
        await stream.next("snapshot")
        while looks < 3:
            [order] = await database_sync_to_async(place)(account)
            assert (await stream.next("event"))["order_id"] == str(order.id)


async def test_a_reader_is_quoted_for(account: Account) -> None:
    class Quotes(Stream):
        path = "/ws/v1/quotes"

    _, client = await browser(account, "read_only")
    async with Quotes(subprotocols=await ticket_of(client)) as stream:
        assert (await stream.next())["type"] == "hello"
