"""Events reach a receiver signed, in order, as every other reader of the log gets them."""

from collections.abc import Callable

import pytest
from channels.db import database_sync_to_async

from orders.models import Account
from orders.tests.factories import place, terms
from orders.tests.http_client import Api
from orders.tests.webhooks.receivers import answering, ask, caught_up, delivering, listening

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.asyncio]


async def test_the_whole_life_of_an_order_arrives_signed_and_as_the_log_has_it(
    account: Account, api: Api, drive: Callable[..., None]
) -> None:
    async with listening(answering(204)) as server, delivering():
        hook = await ask(api, "POST", "webhooks", {"url": server.url})
        [order] = await database_sync_to_async(place)(account, terms())
        await database_sync_to_async(drive)()
        log = await ask(api, "GET", f"events?after={hook['cursor']}")
        received = await server.until(len(log["results"]))

        assert [request.verify(hook["secret"]) for request in received] == log["results"]
        assert [request.id for request in received] == [f"evt_{order.id}_{e['seq']}" for e in log["results"]]
        assert received[0].line == "POST /hook?a=b HTTP/1.1"
        assert received[0].headers["content-type"] == "application/json"
        stored = await caught_up(api, hook)
    assert stored["cursor"] == log["results"][-1]["cursor"]
    assert (stored["problem"], stored["failed_attempts"], "secret" in stored) == (None, 0, False)
    page = await ask(api, "GET", f"webhooks/{hook['id']}/deliveries?limit=2")
    assert [row["seq"] for row in page["results"]] == [log["results"][-1]["seq"], log["results"][-2]["seq"]]
    assert {(row["status"], row["is_delivered"], row["attempt"]) for row in page["results"]} == {(204, True, 1)}
