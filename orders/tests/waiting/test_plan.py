"""What a trigger pass reads: ranges of one index, however many orders wait."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection

from dex import Engine, PairPool
from orders.config import Policy
from orders.models import Account, Order
from orders.tests.plans import costs, run_plan, steps
from orders.tests.waiting.crowd import CHAIN, Pair, load_crowd, load_waiting, pairs_of
from orders.waiting import new_pools, reached
from orders.waiting.reached import Price, Waited, waited_pairs
from orders.waiting.trigger_pass import trigger_orders

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]

PAIRS, CROWD, NEAR = 20, 10_000, 7


def plan_of(run: Callable[[], object]) -> dict[str, Any]:
    """The plan of the statement that is run last."""
    ran: list[tuple[str, Any]] = []

    def note(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        ran.append((sql, params))
        return execute(sql, params, many, context)

    with connection.execute_wrapper(note):
        run()
    return run_plan(*ran[-1])


@pytest.fixture
def pairs(account: Account, engine: Engine) -> list[Pair]:
    """Pairs for each of which hundreds of orders wait in vain."""
    pairs = pairs_of(engine.chain.tokens(), PAIRS)
    load_crowd(account, pairs, CROWD)
    return pairs


def test_each_statement_reads_by_the_index_what_is_reached_and_no_more(account: Account, pairs: list[Pair]) -> None:
    for kind, nearest in (("limit", "0.99"), ("rises", "0.99"), ("falls", "1.01")):
        load_waiting(account, pairs[0], kind, NEAR, Decimal(nearest), Decimal(0))
    kinds = ("limit", "rises", "falls")
    prices = [Price(Waited(p.token_in.symbol, p.token_out.symbol, kind), p.price) for p in pairs for kind in kinds]
    limits, stops = prices[::3], [price for price in prices if price.waited.kind != "limit"]

    found = {
        "pairs": (plan_of(lambda: waited_pairs(CHAIN)), 3 * PAIRS + 1),
        "limits": (plan_of(lambda: reached.make_due(CHAIN, limits)), 2 * NEAR),
        "rises": (plan_of(lambda: reached.find_reached(CHAIN, stops[::2])), NEAR),
        "falls": (plan_of(lambda: reached.find_reached(CHAIN, stops[1::2])), NEAR),
    }

    for name, (plan, most) in found.items():
        assert costs(plan, most) == [], name
        used = {step["Index Name"] for step in steps(plan) if "Index Name" in step}
        assert "order_waits_for_price" in used, name


def test_a_pool_reads_the_orders_that_its_age_and_its_liquidity_reach_and_no_more(
    account: Account, pairs: list[Pair]
) -> None:
    """An old one reads none, however much it holds."""
    near, pair = Decimal(100), pairs[0]._replace(price=Decimal(1))
    load_waiting(account, pair, "pool", NEAR, near, Decimal(0))
    load_waiting(account, pair, "pool", 3_000, near + 1, Decimal(1))
    run_statement("ANALYZE orders_order")
    waited = Waited(pair.token_in.symbol, pair.token_out.symbol, "pool")
    new = PairPool("new", "raydium", (waited.token_in, waited.token_out), 1, 1)

    for age_s, found in ((60, NEAR), (61, 0)):
        candidates = [new_pools.Candidate(waited, new, "100", age_s)]
        plan = plan_of(lambda candidates=candidates: new_pools._find(CHAIN, candidates))  # type: ignore[misc]
        assert len(new_pools._find(CHAIN, candidates)) == found
        assert costs(plan, found) == []
        assert "order_waits_for_pool" in {step["Index Name"] for step in steps(plan) if "Index Name" in step}


def run_statement(statement: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement)


def test_nobody_is_touched_by_a_pass_in_which_nothing_fires(
    account: Account, engine: Engine, policy: Policy, pairs: list[Pair]
) -> None:
    before = Order.objects.order_by("pk").values_list("pk", "due_at", "seq", "trigger_at_price", "updated_at")
    rows = list(before)

    assert trigger_orders(engine, policy, at_least_s=0.0)

    assert list(before) == rows
