"""What the engine does beside lists, accept, claim, logs, watches, reads no more where a longer history lies beside."""

from collections.abc import Callable

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from dex import Engine
from orders.audit.record import Actor
from orders.config import GuardPolicy, Policy
from orders.event_log.cursor import BEGINNING
from orders.event_log.log import order_events, read_page
from orders.models import Order
from orders.pipeline.claim import claim_orders
from orders.pipeline.outlook import due_stages, end_dead_leases
from orders.pipeline.quarantine import quarantined_orders
from orders.pipeline.resend import send_unsent
from orders.pipeline.results import fail
from orders.pipeline.transition import transition as move_orders
from orders.problems import Problem
from orders.reconciliation import blocks
from orders.reconciliation import orders as audits
from orders.reconciliation.ledger_check import check_ledger
from orders.risk import revert_guard
from orders.risk.account_limits import set_limits
from orders.selectors import open_order_ids, orders_by_id
from orders.signing.nonces import clear_nonces
from orders.signing.submissions import load_submissions
from orders.states import Stage
from orders.tests.factories import place, terms
from orders.tests.history import History
from orders.tests.order_list.conftest import OPEN
from orders.tests.plans import LARGE, costs, run_plan, steps

SLICE = 100
# Five events of each order of a slice, and what is open.
MOST_ROWS = 5 * SLICE + OPEN
Job = Callable[[History, Engine], object]
JOBS: dict[str, Job] = {
    "accept": lambda h, _: place(h.account, terms(client_order_id="new")),
    "accept a repeat": lambda h, _: place(h.account, terms(client_order_id="twice"), terms(client_order_id="twice")),
    "claim": lambda h, _: [claim_orders(stage, SLICE, 10, chain_id="simulated") for stage in Stage],
    "find due stages": lambda h, _: due_stages("simulated"),
    "end dead leases": lambda h, _: end_dead_leases(10, chain_id="simulated"),
    "send what is unsent": lambda h, engine: send_unsent(engine),
    "read an order's log": lambda h, _: order_events(h.order_id(3), 0),
    "read the account's log": lambda h, _: read_page(h.account.pk, BEGINNING, SLICE),
    "read open orders": lambda h, _: orders_by_id(h.account, open_order_ids(h.account)),
    "load transactions": lambda h, _: load_submissions([h.order_id(i) for i in range(SLICE)]),
    "check the ledger": lambda h, _: check_ledger(SLICE),
    "find open orders": lambda h, _: audits.open_ids(SLICE),
    "find parked orders": lambda h, _: quarantined_orders(),
    "clear nonces": lambda h, engine: clear_nonces(engine, Policy()),
    "watch blocks": lambda h, engine: blocks.watch_blocks(engine),
    "guard": lambda h, engine: revert_guard.guard_trading(engine, GuardPolicy()),
    "guard an account": lambda h, _: revert_guard._narrow("simulated", [h.account.pk], GuardPolicy(last=5)),
    "guard a chain": lambda h, _: revert_guard._wide("simulated", GuardPolicy(last=5)),
    "begin to count": lambda h, _: set_limits(h.account, max_open_orders=10**6, actor=Actor("boss", reason="why not")),
}


@pytest.mark.parametrize("name", JOBS)
def test_a_job_reads_no_more_beside_a_long_history(history: History, engine: Engine, name: str) -> None:
    with CaptureQueriesContext(connection) as queries, transaction.atomic():
        JOBS[name](history, engine)
        transaction.set_rollback(True)

    large = [query["sql"] for query in queries if any(table in query["sql"] for table in LARGE)]
    assert large
    assert [words for sql in large for words in costs(run_plan(sql), MOST_ROWS)] == []


def test_where_nothing_reverts_the_guard_reads_an_empty_index(history: History) -> None:
    with CaptureQueriesContext(connection) as queries:
        assert revert_guard._reverted_accounts() == {}

    (plan,) = (run_plan(query["sql"]) for query in queries)
    assert [step["Index Name"] for step in steps(plan) if "Index Name" in step] == ["order_reverted"]
    assert costs(plan, 0) == []


def test_claim_and_end_of_a_batch_compare_no_order_with_each_other(history: History) -> None:
    """A batch of 200 would be compared 40,000 times."""
    with CaptureQueriesContext(connection) as queries, transaction.atomic():
        orders = claim_orders(Stage.ROUTE, SLICE, 10, chain_id="simulated").orders
        # As of orders that count against limits.
        events = move_orders([fail(order, Problem("cancelled", ""))._replace(frees=True) for order in orders])
        transaction.set_rollback(True)

    joined = [run_plan(query["sql"]) for query in queries if "FULL JOIN" in query["sql"]]
    assert len(events) == OPEN
    assert len(joined) == 2
    # A full join is never made by a comparison of each row with each.
    assert all("Full" in [step.get("Join Type") for step in steps(plan)] for plan in joined)


def test_a_long_history_is_there(history: History) -> None:
    assert Order.objects.count() == history.count + OPEN
