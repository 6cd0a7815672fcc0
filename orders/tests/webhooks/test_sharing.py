"""Processes that share endpoints, die, lose their leases and meet receivers that fail: nothing is lost or swapped."""

import asyncio
import random
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from channels.db import database_sync_to_async
from django.db import OperationalError
from django.db.models import F

from orders.event_log.log import order_events
from orders.models import Account, Webhook
from orders.notify.push import push_events
from orders.tests.factories import new_account, new_webhook, place
from orders.tests.http_client import Api
from orders.tests.webhooks.process import Process
from orders.tests.webhooks.receivers import (
    Behave,
    Received,
    answering,
    ask,
    caught_up,
    delivering,
    listening,
    saying,
)
from orders.webhooks import claims, deliverer, messages, receiver, schedule, session, settling
from orders.webhooks.claims import claim

pytestmark = pytest.mark.django_db(transaction=True)


def take_leases_away() -> None:
    """As after a process's death and the wait for its leases."""
    Webhook.objects.filter(lease_until__isnull=False).update(lease_until=F("lease_until") - timedelta(hours=1))


async def all_events(api: Api, after: str) -> list[dict[str, Any]]:
    """The log after a cursor."""
    read = await ask(api, "GET", f"events?after={after}&limit=500")
    events: list[dict[str, Any]] = read["results"]
    return events


@pytest.mark.slow
async def test_a_process_that_is_killed_in_the_middle_repeats_one_message_and_loses_none(
    account: Account, api: Api, tmp_path: Path
) -> None:
    """SIGKILL when the receiver has the third message and has not answered; and once when it has answered."""
    processes: list[Process] = []
    kills = {3: "before the answer", 6: "behind the answer"}

    async def kill_at_some(_: Received, writer: asyncio.StreamWriter) -> None:
        moment = kills.pop(len(server.received), None)
        if moment == "before the answer":
            await asyncio.to_thread(processes[-1].kill)
            return
        writer.write(b"HTTP/1.1 204 x\r\n\r\n")
        if moment is not None:
            processes[-1].process.kill()

    async with listening(kill_at_some) as server:
        hook = await ask(api, "POST", "webhooks", {"url": server.url})
        await database_sync_to_async(lambda: [place(account) for _ in range(8)])()
        for count in (3, 6):
            processes.append(Process(tmp_path / "deliver.log"))
            await server.until(count)
            await asyncio.to_thread(processes[-1].process.wait)
            await database_sync_to_async(take_leases_away)()
        processes.append(Process(tmp_path / "deliver.log"))
        await caught_up(api, hook)
        code = await asyncio.to_thread(processes[-1].end)
        log = await all_events(api, hook["cursor"])

    names = [request.id for request in server.received]
    first = list(dict.fromkeys(names))
    assert first == [f"evt_{event['order_id']}_{event['seq']}" for event in log]
    assert len(first) == 8
    # Of two deaths, each repeats the message that was on its way, at most.
    assert names[:4] == [*first[:3], first[2]]
    assert len(names) in {9, 10}
    assert code == 0
    assert "Traceback" not in (tmp_path / "deliver.log").read_text()


async def test_processes_share_endpoints_and_send_nothing_twice(account: Account, api: Api) -> None:
    async with listening(answering(200)) as server, delivering(), delivering(), delivering():
        hooks = [await ask(api, "POST", "webhooks", {"url": server.url}) for _ in range(6)]
        for _ in range(4):
            await database_sync_to_async(lambda: place(account))()
        for hook in hooks:
            await caught_up(api, hook)
        log = await all_events(api, hooks[0]["cursor"])

    assert len(server.received) == len(hooks) * len(log) == 24
    assert len({request.id for request in server.received}) == 4


def test_an_endpoint_is_claimed_by_one_until_its_lease_ends(account: Account) -> None:
    hook = new_webhook(account)
    place(account)

    [first] = claim(5, most_failing=5)
    assert claim(5, most_failing=5) == []
    take_leases_away()
    [second] = claim(5, most_failing=5)

    assert first.token != second.token
    claims.release(first)  # too late: it is another's now
    assert Webhook.objects.get().lease_token == second.token
    claims.release(second)
    assert Webhook.objects.get().lease_token is None
    assert hook.pk == second.id


def test_one_that_has_failed_waits_where_there_is_no_room_for_such(account: Account) -> None:
    failing, sound = new_webhook(account), new_webhook(new_account())
    place(account)
    place(sound.account)
    Webhook.objects.filter(pk=failing.pk).update(attempt=2)

    assert [one.id for one in claim(5, most_failing=0)] == [sound.pk]
    assert [one.id for one in claim(5, most_failing=5)] == [failing.pk]


def test_those_that_have_failed_take_no_more_than_their_part_at_once(account: Account) -> None:
    """Else they hold every place for as long as they hang."""
    failing = [new_webhook(account) for _ in range(3)]
    Webhook.objects.update(attempt=1)
    sound = new_webhook(account)
    place(account)

    claimed = [one.id for one in claim(5, most_failing=2)]

    assert len(claimed) == 3
    assert sound.pk in claimed
    assert [one.id for one in claim(5, most_failing=2)] == [one.pk for one in failing if one.pk not in claimed]
    take_leases_away()
    assert [one.id for one in claim(1, most_failing=2)] == [sound.pk]


async def test_a_session_that_lost_its_lease_settles_nothing(account: Account, api: Api) -> None:
    """The message that was on its way is noted, and comes again from the process that holds the endpoint now."""

    async def lose_the_lease(_: Received, writer: asyncio.StreamWriter) -> None:
        if len(server.received) == 1:
            await database_sync_to_async(take_leases_away)()
            await database_sync_to_async(lambda: claim(1, most_failing=1))()
        writer.write(b"HTTP/1.1 204 x\r\n\r\n")

    async with listening(lose_the_lease) as server, delivering():
        hook = await ask(api, "POST", "webhooks", {"url": server.url})
        await database_sync_to_async(place)(account)

        def is_noted() -> bool:
            return bool(api.get(f"webhooks/{hook['id']}/deliveries").json()["results"])

        while not await database_sync_to_async(is_noted)():
            pass
        assert (await ask(api, "GET", f"webhooks/{hook['id']}"))["events_behind"] == 1
        await database_sync_to_async(take_leases_away)()
        await caught_up(api, hook)

    assert [request.message["seq"] for request in server.received] == [1, 1]


async def test_a_change_of_the_owner_decides_what_is_sent_next(account: Account, api: Api) -> None:
    """It comes while the first message is on its way: no other one is sent by the old terms."""

    async def change(_: Received, writer: asyncio.StreamWriter) -> None:
        if len(server.received) == 1:
            await ask(api, "PATCH", f"webhooks/{hook['id']}", {"status": "CONFIRMED"})
        writer.write(b"HTTP/1.1 204 x\r\n\r\n")

    hook: dict[str, Any] = {}
    async with listening(change) as server, delivering():
        hook |= await ask(api, "POST", "webhooks", {"url": server.url})
        await database_sync_to_async(lambda: [place(account) for _ in range(3)])()
        await caught_up(api, hook)

    assert len(server.received) == 1


def unreliable(seed: int) -> Behave:
    """Takes most messages, and fails at others in one of several ways."""
    dice = random.Random(seed)
    ways: list[Behave] = [
        answering(500), saying(), saying(b"HTTP/1.1 2"), answering(302, headers="location: /\r\n"),
        answering(429, headers="retry-after: 0\r\n"), saying(b"nonsense\r\n\r\n"), saying(endless=b"x"),
    ]  # fmt: skip

    async def behave(request: Received, writer: asyncio.StreamWriter) -> None:
        if dice.random() < 0.6:
            writer.write(b"HTTP/1.1 204 x\r\n\r\n")
            return
        with suppress(ConnectionError):
            await dice.choice(ways)(request, writer)

    return behave


@pytest.mark.parametrize("seed", range(3))
async def test_each_event_arrives_and_first_arrivals_are_in_order(
    account: Account, api: Api, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    """Two processes, three receivers that fail, leases that end in the middle, sessions that end early."""
    monkeypatch.setattr(schedule, "RETRIES_S", (0.001,) * 60)
    monkeypatch.setattr(schedule, "MOST_RETRY_AFTER_S", 0)
    monkeypatch.setattr(receiver, "TOTAL_S", 5.0)
    monkeypatch.setattr(receiver, "BODY_S", 0.05)
    monkeypatch.setattr(session, "RUN_S", 0.1)
    monkeypatch.setattr(deliverer, "LOOK_S", 0.02)
    dice = random.Random(seed)

    async with (
        listening(unreliable(seed * 10)) as one,
        listening(unreliable(seed * 10 + 1)) as two,
        listening(unreliable(seed * 10 + 2)) as three,
        delivering(),
        delivering(),
    ):
        servers = [one, two, three]
        hooks = [await ask(api, "POST", "webhooks", {"url": server.url}) for server in servers]
        for _ in range(25):
            await database_sync_to_async(lambda: place(account))()
            if dice.random() < 0.3:
                await database_sync_to_async(take_leases_away)()
        for hook in hooks:
            await caught_up(api, hook)
        log = await all_events(api, hooks[0]["cursor"])

    wanted = [f"evt_{event['order_id']}_{event['seq']}" for event in log]
    assert len(wanted) == 25
    for server in servers:
        assert list(dict.fromkeys(request.id for request in server.received)) == wanted
        assert len(server.received) > len(wanted)


async def test_without_endpoints_it_asks_for_next_to_nothing(account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    """One statement each five seconds; events of accounts without endpoints make it ask for no more."""
    asked: list[str] = []

    def counted(act: Any) -> Any:
        def run(*args: Any, **kwargs: Any) -> Any:
            asked.append(act.__name__)
            return act(*args, **kwargs)

        return run

    for act in (claims.claim, claims.accounts_with_endpoints):
        monkeypatch.setattr(deliverer, act.__name__, counted(act))
    async with delivering():
        await asyncio.sleep(0.5)
        asked.clear()
        for _ in range(5):
            [order] = await database_sync_to_async(lambda: place(account))()
            await database_sync_to_async(lambda: push_events(order_events(order.id, 0)))()  # noqa: B023
        await asyncio.sleep(0.5)
        assert asked == []

    assert deliverer.ACCOUNTS_S == 5.0


async def test_without_redis_and_with_a_database_that_comes_and_goes_it_looks_by_itself(
    account: Account, api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def deaf(_: Any) -> None:
        await asyncio.sleep(3600)

    failures = iter([True, False, True, False, True])

    def unsteady(act: Any) -> Any:
        def run(*args: Any, **kwargs: Any) -> Any:
            if next(failures, False):
                raise OperationalError("gone")
            return act(*args, **kwargs)

        return run

    monkeypatch.setattr(deliverer, "listen", deaf)
    monkeypatch.setattr(deliverer, "LOOK_S", 0.05)
    monkeypatch.setattr(deliverer, "ACCOUNTS_S", 0.1)
    for module, act in ((deliverer, claim), (session, messages.next_messages), (settling, settling._settle)):
        monkeypatch.setattr(module, act.__name__, unsteady(act))
    async with listening(answering(200)) as server, delivering():
        hook = await ask(api, "POST", "webhooks", {"url": server.url})
        await database_sync_to_async(lambda: [place(account) for _ in range(2)])()
        await caught_up(api, hook)
        log = await all_events(api, hook["cursor"])

    wanted = [f"evt_{event['order_id']}_1" for event in log]
    assert list(dict.fromkeys(request.id for request in server.received)) == wanted
