"""A worker loses the database at any of its round trips, COMMIT among them: each order executes once all the same."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import pytest
from django.db import Error, connection

from dex import Engine
from orders.config import Policy
from orders.models import Account, Fill, Order, OrderEvent, Submission
from orders.pipeline.loop import run_stage
from orders.risk.account_limits import set_limits
from orders.services.cancel import Actor
from orders.states import Stage
from orders.tests.factories import let_leases_run_out, place
from orders.tests.field.outages.cutting_proxy import Cut, Proxy

pytestmark = pytest.mark.django_db(transaction=True)

LATE_S = 0.1
# Later than anything that a cut session may still do.
SETTLED_S = 0.2
HAPPY = ["PENDING", "ROUTING", "BUILDING", "SUBMITTED", "CONFIRMED"]
# What a worker waits for from the claim to the end, and what goes out with it.
TRIPS = [
    [b"json_build_array(p.pool_id", b"WITH due AS"],
    [b"BEGIN", b"WITH pauses AS", b"FROM orders_wallet WHERE id"],
    [b"INSERT INTO orders_submission", b"COMMIT"],
    [b"BEGIN", b"pg_advisory_xact_lock", b"WITH pending AS"],
    [b"WITH expired AS", b"COMMIT"],
    [b"BEGIN", b"INSERT INTO orders_fill", b"COMMIT"],
    [b"system_identifier"],  # of a new session, which database it is in: the events are sent now
]


@pytest.fixture
def proxy() -> Iterator[Proxy]:
    wanted = connection.settings_dict
    running = Proxy(str(wanted["HOST"]), int(wanted["PORT"]), late_s=LATE_S)
    yield running
    running.close()


def through(proxy: Proxy, n: int, cut: Cut, work: Callable[[], Any]) -> tuple[bool, list[bytes]]:
    """Work on a session of its own, whose n-th round trip is cut: whether it was, and what each has sent."""

    def run() -> None:
        connection.settings_dict = connection.settings_dict | {"HOST": "127.0.0.1", "PORT": str(proxy.port)}
        connection.ensure_connection()
        proxy.arm(n, cut)
        try:
            with suppress(Error):
                work()
        finally:
            connection.close()

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    seen = proxy.was_cut, proxy.statements
    proxy.open()
    if cut is Cut.LATE:
        time.sleep(SETTLED_S)
    return seen


def test_what_goes_out_together(
    account: Account, engine: Engine, policy: Policy, drive: Callable[..., None], proxy: Proxy
) -> None:
    for _ in range(2):  # then the wallet is made, and the chain knows whose holdings are asked for
        place(account)
        drive()
    [order] = place(account)

    _, sent = through(proxy, 0, Cut.LOST, lambda: run_stage(Stage.ROUTE, engine=engine, policy=policy))

    # Events that are sent while it works ask which database that is as soon as the first of them goes.
    texts = sorted((b" ".join(trip.split()) for trip in sent), key=lambda text: TRIPS[-1][0] in text)
    assert [[words for words in trip if words in text] for trip, text in zip(TRIPS, texts, strict=True)] == TRIPS
    assert [(text.count(b"BEGIN"), text.count(b"COMMIT")) for text in texts] == [
        (b"BEGIN" in trip, b"COMMIT" in trip) for trip in TRIPS
    ]
    order.refresh_from_db()
    assert order.status == "CONFIRMED"


@pytest.mark.parametrize("is_limited", [False, True], ids=["free", "limited"])
@pytest.mark.parametrize("cut", list(Cut))
def test_a_lost_round_trip_loses_and_doubles_nothing(
    account: Account,
    engine: Engine,
    policy: Policy,
    drive: Callable[..., None],
    proxy: Proxy,
    cut: Cut,
    is_limited: bool,
) -> None:
    for _ in range(2):
        place(account)
        drive()
    if is_limited:
        set_limits(account, max_open_value=None, max_open_orders=1, actor=Actor("t", reason="t"))
        account.refresh_from_db()
    before, cuts = 2, 0
    for n in range(1, 2 * len(TRIPS)):
        [order] = place(account)
        was_cut, _ = through(proxy, n, cut, lambda: run_stage(Stage.ROUTE, engine=engine, policy=policy))
        let_leases_run_out()
        drive()

        order = Order.objects.get(pk=order.pk)
        events = OrderEvent.objects.filter(order=order).order_by("seq")
        assert (order.status, order.outcome) == ("CONFIRMED", "filled")
        assert list(events.values_list("seq", flat=True)) == list(range(1, len(events) + 1))
        assert [event.status for event in events] == HAPPY
        assert Fill.objects.count() == before + n
        assert sorted(Submission.objects.values_list("key", flat=True)) == list(range(before + n))
        assert not Submission.objects.filter(closed_at=None).exists()
        cuts += was_cut
        if not was_cut:
            break

    # Who counts what is open gives it back in one statement more, once it is known what that is.
    assert cuts == len(TRIPS) + 2 * is_limited
    assert Account.objects.get(pk=account.pk).open_orders == 0
