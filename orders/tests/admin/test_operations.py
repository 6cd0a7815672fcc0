"""The admin's first page: what needs a person, and figures of orders, step times and queues."""

import html
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission, User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from uuid_utils.compat import uuid7

from orders.admin import figures
from orders.admin.charts import Column, Span, columns, in_words, nice, spans
from orders.admin.operations import _outcomes as outcomes_table
from orders.admin.operations import shared
from orders.audit.record import Actor, Entry, record
from orders.engine import get_engine
from orders.models import Account, Order, OrderEvent, Webhook
from orders.risk.pause import Target, pause
from orders.tests.factories import new_webhook, place, terms
from orders.tests.people import sign_in

pytestmark = pytest.mark.django_db(transaction=True)

CHAIN = "simulated"


@pytest.fixture(autouse=True)
def unshared() -> Iterator[None]:
    """Each test has figures of its own."""
    shared.forget()
    yield
    shared.forget()


@pytest.fixture
def staff(client: Client) -> Client:
    sign_in(client, get_user_model().objects.create_superuser("boss"))
    return client


def words(client: Client) -> str:
    """What a person reads on the first page, titles of pictures with it."""
    shared.forget()
    answer = client.get("/admin/")
    assert answer.status_code == 200
    return " ".join(html.unescape(re.sub(r"<[^>]*>", " ", answer.content.decode())).split())


def test_an_engine_without_orders_says_so(staff: Client, account: Account) -> None:
    page = words(staff)

    assert f"Engine on {get_engine().chain.chain_id}" in page
    assert "workers none has reported yet: start one" in page
    assert "No order was placed in the last 24 hours." in page
    assert "No order was worked on in the last hour." in page
    assert "<svg class" not in page


def test_orders_are_counted_by_when_they_were_placed_and_how_they_have_ended(
    staff: Client, account: Account, drive: Callable[..., None]
) -> None:
    place(account, terms(), terms(), terms(scenario="slippage"))
    drive()
    place(account)

    flow = figures.read_flow()

    assert (flow.placed, flow.outcomes, flow.since) == (4, {"slippage": 1}, None)
    assert sum(one.placed for one in flow.minutes) == sum(one.placed for one in flow.hours) == 4
    assert sum(one.unfilled for one in flow.minutes) == sum(one.unfilled for one in flow.hours) == 1
    assert (len(flow.minutes), len(flow.hours)) == (figures.MINUTES, figures.HOURS)
    page = words(staff)
    assert "4 in all, 1 of them marked." in page
    assert "slippage 1 25.00 %" in page


def placed_at(order: Order, at: datetime) -> None:
    """As if it had been placed then: its id says when."""
    moved = UUID(int=int(at.timestamp() * 1000) << 80 | uuid7().int & (1 << 80) - 1)
    with connection.cursor() as cursor:
        cursor.execute("UPDATE orders_order SET id = %s WHERE id = %s", [moved, order.pk])


def test_each_order_is_counted_in_its_own_minute_and_hour(account: Account) -> None:
    now = datetime.now(UTC)
    orders = place(account, terms(), terms(), terms(), terms())
    hour = now.replace(minute=0, second=0, microsecond=0)
    for order, at in zip(
        orders,
        (hour - timedelta(hours=23), hour - timedelta(hours=24), now - timedelta(minutes=59), now),
        strict=True,
    ):
        placed_at(order, at)

    flow = figures.read_flow()

    assert flow.placed == 3
    assert (flow.hours[0].at, flow.hours[0].placed) == (hour - timedelta(hours=23), 1)
    assert [one.placed for one in flow.minutes if one.placed] in ([1, 1], [1])  # a minute may have begun since
    assert flow.minutes[-1].placed + flow.minutes[-2].placed == 1


def test_beyond_the_bound_the_newest_are_counted_and_the_page_says_since_when(
    staff: Client, account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(figures, "MOST_PLACED", 3)
    placed = place(account, *(terms() for _ in range(5)))

    flow = figures.read_flow()

    third = sorted(order.pk for order in placed)[-3]
    assert flow.placed == 3
    assert flow.since == datetime.fromtimestamp((third.int >> 80) / 1000, UTC)
    assert "not all counted" in words(staff)


def test_step_times_are_those_of_the_events(staff: Client, account: Account, drive: Callable[..., None]) -> None:
    place(account, terms(), terms())
    drive()
    took = dict(OrderEvent.objects.filter(status="BUILDING").values_list("order_id", "took_ms"))

    steps = {one.step: one for one in figures.read_step_times()}

    assert list(steps) == list(figures.STEPS.values())
    assert steps["routed"] == figures.StepTime("routed", 2, min(took.values()), max(took.values()))
    assert "picked up 2 " in words(staff)


def test_the_time_for_which_an_order_waits_by_its_own_terms_is_no_step(account: Account) -> None:
    [waiting] = place(account)
    Order.objects.filter(pk=waiting.pk).update(order_type="limit")
    OrderEvent.objects.create(order=waiting, account=account, seq=2, status="ROUTING", attempt=1, took_ms=86_400_000)

    assert figures.read_step_times() == []
    Order.objects.filter(pk=waiting.pk).update(order_type="market")
    assert figures.read_step_times() == [figures.StepTime("picked up", 1, 86_400_000, 86_400_000)]


def test_a_queue_is_what_is_due_and_held_by_no_worker(account: Account) -> None:
    late, held, future, elsewhere = place(account, terms(), terms(), terms(), terms(chain_id="other"))
    now = datetime.now(UTC)
    Order.objects.filter(pk__in=[late.pk, elsewhere.pk]).update(due_at=now - timedelta(seconds=90))
    Order.objects.filter(pk=held.pk).update(
        due_at=now - timedelta(hours=1), lease_until=now + timedelta(hours=1), lease_token=uuid7()
    )
    Order.objects.filter(pk=future.pk).update(due_at=now + timedelta(hours=1))

    queues = {one.stage: one for one in figures.read_queues(CHAIN)}

    assert list(queues) == ["children", "route", "build", "submit", "confirm"]
    assert queues["route"].due == 1
    assert queues["route"].oldest_s is not None
    assert 90 <= queues["route"].oldest_s < 120
    assert queues["build"] == ("build", 0, None)


def test_what_needs_a_person_comes_first_and_leads_to_its_page(staff: Client, account: Account) -> None:
    row = pause(Target("account", account.name, account_id=account.pk), Actor("boss", reason="odd orders"))
    webhook = new_webhook(account)
    Webhook.objects.filter(pk=webhook.pk).update(attempt=3, failure="answered 500")
    [parked] = place(account)
    Order.objects.filter(pk=parked.pk).update(parked_at=datetime.now(UTC))
    record(Actor("engine"), [Entry("incident.reverts", "venue:orca")])

    page = words(staff)

    assert f"paused account {account.name}: odd orders (boss, " in page
    assert f"webhooks {account}, {webhook.url}: 3 attempts have failed, last answered 500" in page
    assert f"quarantined {parked.id}: its workers died" in page
    assert "incident reverts of venue:orca, " in page
    assert page.index("incident reverts") < page.index("wallets all sign")
    content = staff.get("/admin/").content.decode()
    for address in (
        f"/admin/orders/tradingcontrol/{row.pk}/change/",
        f"/admin/orders/webhook/{webhook.pk}/change/",
        f"/admin/orders/order/{parked.pk}/change/",
    ):
        assert address in content
        assert staff.get(address).status_code == 200


def test_many_of_a_kind_are_counted(staff: Client, account: Account) -> None:
    for venue in ("a", "b", "c", "d", "e", "f", "g"):
        pause(Target("venue", venue, venue=venue), Actor("boss", reason="all of them"))

    assert "paused 7 in all" in words(staff)


def test_who_may_not_view_orders_gets_the_list_of_pages_alone(account: Account) -> None:
    user = User.objects.create_user("helper", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename="view_token"))
    browser = Client()
    sign_in(browser, user)

    page = words(browser)

    assert "Tokens" in page
    assert "Engine on" not in page
    user.user_permissions.set(Permission.objects.filter(codename__in=("view_token", "view_order")))
    assert "Engine on" in words(browser)


def test_notes_are_of_what_a_person_may_view(account: Account) -> None:
    webhook = new_webhook(account)
    Webhook.objects.filter(pk=webhook.pk).update(attempt=3)
    record(Actor("engine"), [Entry("incident.reverts", "venue:orca")])
    user = User.objects.create_user("helper", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename="view_order"))
    browser = Client()
    sign_in(browser, user)

    page = words(browser)
    assert "quarantined no order" in page
    assert webhook.url not in page
    assert "incident" not in page
    user.user_permissions.set(Permission.objects.filter(codename__in=("view_order", "view_webhook")))
    assert webhook.url in words(browser)


def test_an_order_that_fails_while_the_first_page_is_read_does_no_harm() -> None:
    flow = figures.Flow(minutes=[], hours=[], outcomes={"slippage": 1}, placed=0, since=None)

    assert "100.00 %" in outcomes_table(flow)


def test_many_who_look_cost_as_much_as_one(staff: Client, account: Account) -> None:
    words(staff)

    with CaptureQueriesContext(connection) as queries:
        assert staff.get("/admin/").status_code == 200

    assert [one["sql"] for one in queries if "orders_order" in one["sql"] or "orders_webhook" in one["sql"]] == []


def test_charts_escape_and_stay_inside_their_frames() -> None:
    picture = columns("x", "<b>", [Column("<i>", 0), Column("b", 7, 7), Column("c", 3, 0, is_whole=False)], 1)

    assert "<b>" not in picture
    assert "<i>" not in picture
    heights = [float(text) for text in re.findall(r'height="([\d.-]+)"', picture)]
    assert min(heights) >= 0
    assert max(heights) <= 132
    assert "NaN" not in spans("y", "none", [])
    places = [float(text) for text in re.findall(r'c?x="([\d.]+)"', spans("y", "t", [Span("a", 0, 10**9)]))]
    assert 0 <= min(places) <= max(places) <= 360


@pytest.mark.parametrize(("most", "top"), [(0, 1), (1, 1), (3, 5), (5, 5), (6, 10), (11, 20), (99_999, 100_000)])
def test_axes_end_at_round_numbers(most: int, top: int) -> None:
    assert nice(most) == top


@pytest.mark.parametrize(
    ("ms", "said"), [(0, "0 ms"), (999, "999 ms"), (1000, "1 s"), (1500, "1.5 s"), (90_000, "1.5 min"),
                     (7_200_000, "2 h"), (86_400_000, "1 d")],
)  # fmt: skip
def test_times_have_their_unit(ms: int, said: str) -> None:
    assert in_words(ms) == said
