"""Admin lists, with each choice of each filter and each search, cost the same however long the history is."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.auth import get_user_model
from django.db import connection
from django.test import Client, RequestFactory
from django.test.utils import CaptureQueriesContext

from orders.admin import figures
from orders.admin.large import MOST_LISTED, NEWEST, LargeTable
from orders.models import AuditEntry, Fill, Order, OrderEvent
from orders.tests.history import History
from orders.tests.people import sign_in
from orders.tests.plans import LARGE, costs, run_plan

MODELS = (Order, OrderEvent, Fill, AuditEntry)
# What pages are counted from, and what is looked through where no index helps.
MOST_ROWS = max(MOST_LISTED, NEWEST) + 1


@pytest.fixture
def staff(client: Client) -> Client:
    sign_in(client, get_user_model().objects.create_superuser("boss"))
    return client


def choices(model: Any) -> Iterator[str]:
    """The query of each choice of each filter that the page offers."""
    page = admin.site._registry[model]
    request = RequestFactory().get("/")
    request.user = get_user_model()(is_superuser=True, is_active=True, is_staff=True)
    for spec in page.get_changelist_instance(request).filter_specs:
        changes = page.get_changelist_instance(request)
        offered = [str(choice["query_string"]) for choice in spec.choices(changes)]
        yield from (query for query in offered if query != "?")


def searches(history: History) -> dict[Any, list[str]]:
    """What may be typed into the search of each page: what is there, and what is not."""
    order_id = str(history.order_id(7))
    return {
        Order: [order_id, "own-3", f"0x{7:064x}", "nothing"],
        OrderEvent: [order_id, "nothing"],
        Fill: [order_id, "nothing"],
        AuditEntry: [f"order:{order_id}", order_id, "boss", "nothing"],
    }


def dear(staff: Client, address: str) -> list[str]:
    """What is too dear of a page that opens."""
    with CaptureQueriesContext(connection) as queries:
        answer = staff.get(address)
    assert answer.status_code == 200, address
    large = [query["sql"] for query in queries if any(f'"{table}"' in query["sql"] for table in LARGE)]
    return [f"{address}: {words}" for sql in large for words in costs(run_plan(sql), MOST_ROWS)]


def test_every_list_of_a_large_table_is_made_for_it() -> None:
    lists = {
        model for model, page in admin.site._registry.items() if model._meta.db_table in {*LARGE, "orders_auditentry"}
    }

    assert lists == set(MODELS)
    assert all(isinstance(admin.site._registry[model], LargeTable) for model in lists)


@pytest.mark.parametrize("model", MODELS)
def test_each_choice_and_each_search_reads_what_a_page_needs(staff: Client, history: History, model: Any) -> None:
    name = model._meta.model_name
    queries = ["", "?p=2", *choices(model), *(f"?q={word}" for word in searches(history)[model])]

    assert [words for query in queries for words in dear(staff, f"/admin/orders/{name}/{query}")] == []


@pytest.mark.parametrize("model", MODELS)
def test_no_address_has_a_page_sort_by_what_no_index_holds(staff: Client, history: History, model: Any) -> None:
    name, columns = model._meta.model_name, len(admin.site._registry[model].list_display)
    orders = [str(i) for i in range(columns + 2)]

    assert [
        words
        for order in (*orders, ".".join(f"-{i}" for i in reversed(orders)))
        for words in dear(staff, f"/admin/orders/{name}/?o={order}")
    ] == []


def test_what_a_list_leaves_out_it_says(staff: Client, history: History) -> None:
    page = staff.get("/admin/orders/order/").content.decode()

    assert f"The newest {MOST_LISTED}: a filter or a search leads to older ones." in page
    assert "leads to older ones" not in staff.get(f"/admin/orders/order/?q={history.order_id(3)}").content.decode()


def test_old_orders_are_found(staff: Client, history: History) -> None:
    for query in (f"q={history.order_id(6)}", "q=own-6", f"q=0x{6:064x}", "outcome=poison"):
        assert str(history.order_id(6)) in staff.get(f"/admin/orders/order/?{query}").content.decode(), query


def test_figures_of_the_first_page_read_their_bounds_of_indexes(history: History) -> None:
    with CaptureQueriesContext(connection) as queries:
        figures.read_flow()
        figures.read_step_times()
        figures.read_queues("simulated")
    read = [query["sql"] for query in queries if "orders_order" in query["sql"]]

    assert len(read) == 5
    assert [words for sql in read for words in costs(run_plan(sql), figures.MOST_EVENTS)] == []
