"""Two engines, each on its chain, on one database: each executes its own orders, and touches nothing of the other's."""

from datetime import UTC, datetime, timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from dex import ChainUnavailable, Engine
from dex.testing import FakeChain, cpmm_pool
from orders.audit.record import Actor
from orders.config import Policy
from orders.models import Account, Fill, Heartbeat, Order, SignedTransaction, Submission, Token, Wallet
from orders.models.due import DUE
from orders.pipeline import claim
from orders.pipeline.claim import claim_orders
from orders.pipeline.loop import run_stage
from orders.pipeline.maintenance import run_maintenance
from orders.pipeline.outlook import due_stages
from orders.pipeline.periodic import JOBS
from orders.reconciliation.blocks import watch_blocks
from orders.risk.pause import find_target, pause
from orders.selectors import worker_age_s
from orders.signing.wallets import pause_wallets, resume_wallet
from orders.states import Stage
from orders.tests.factories import new_account, place, terms

pytestmark = pytest.mark.django_db(transaction=True)

MILLION = 10**6
POOL = cpmm_pool("fake-sol-usdc", ("SOL", "USDC"), (MILLION * 10**9, 150 * MILLION * 10**6))
OURS, OTHER = "simulated", "fake"
PERSON = Actor("person", reason="test", is_admin=True)
# The token of a lease whose database session is gone.
DEAD = "7fffffff-0000-4000-8000-000000000000"


@pytest.fixture
def other(engine: Engine) -> Engine:
    """The second engine, on a chain in memory."""
    return Engine(FakeChain((POOL,)))


def work(engine: Engine, policy: Policy) -> None:
    """All that the workers of one engine do, once."""
    run_maintenance(engine, policy, at_least_s=0.0)
    for stage in Stage:
        run_stage(stage, engine=engine, policy=policy)
    for job in JOBS.values():
        job.run(engine, policy)


def rows_of(chain_id: str) -> list[list[dict[str, Any]]]:
    """All that is stored of a chain's orders."""
    tables: list[Any] = [
        Order.objects.filter(chain_id=chain_id),
        Submission.objects.filter(wallet__chain_id=chain_id),
        SignedTransaction.objects.filter(submission__wallet__chain_id=chain_id),
        Wallet.objects.filter(chain_id=chain_id),
        Fill.objects.filter(order__chain_id=chain_id),
    ]
    return [list(table.order_by("pk").values()) for table in tables]


def place_on(chain_id: str, account: Account, count: int = 1) -> list[Order]:
    return place(account, *(terms(chain_id=chain_id) for _ in range(count)))


def statuses_on(chain_id: str) -> set[str]:
    return set(Order.objects.filter(chain_id=chain_id).values_list("status", flat=True))


def ago(seconds: float) -> datetime:
    return datetime.now(UTC) - timedelta(seconds=seconds)


def test_each_order_is_executed_by_the_engine_of_its_chain(
    account: Account, engine: Engine, other: Engine, policy: Policy
) -> None:
    place_on(OURS, account, 3)
    place_on(OTHER, account, 3)
    before = rows_of(OTHER)

    work(engine, policy)

    assert statuses_on(OURS) == {"CONFIRMED"}
    assert rows_of(OTHER) == before

    before = rows_of(OURS)
    work(other, policy)

    assert statuses_on(OTHER) == {"CONFIRMED"}
    assert rows_of(OURS) == before
    assert isinstance(other.chain, FakeChain)
    assert set(Order.objects.filter(chain_id=OTHER).values_list("tx_hash", flat=True)) == other.chain.sent.keys()


def leave_at_each_step(engine: Engine, policy: Policy) -> None:
    """One order at each step that some job looks for, all of them due and left by a worker that died."""
    chain_id = engine.chain.chain_id
    live = Order.objects.filter(chain_id=chain_id, outcome=None)
    for count in range(4):
        [order] = place_on(chain_id, new_account())
        live.exclude(pk=order.pk).update(due_at=ago(-60))
        for stage in (Stage.ROUTE, Stage.BUILD, Stage.SUBMIT)[:count]:
            run_stage(stage, engine=engine, policy=policy, carries_to={})
            live.filter(pk=order.pk).update(due_at=ago(60), lease_until=None)
    # One has ended, and what it has signed holds its key still.
    [ended] = place_on(chain_id, new_account())
    for stage in (Stage.ROUTE, Stage.BUILD, Stage.SUBMIT):
        live.exclude(pk=ended.pk).update(due_at=ago(-60))
        run_stage(stage, engine=engine, policy=policy, carries_to={})
        live.filter(pk=ended.pk).update(due_at=ago(60), lease_until=None)
    Order.objects.filter(pk=ended.pk).update(status="FAILED", seq=ended.seq + 4, outcome="expired")
    live.update(due_at=ago(60), lease_until=ago(-60), lease_token=DEAD)


@pytest.mark.parametrize("is_leased", [True, False])
def test_no_job_of_one_engine_touches_a_row_of_the_other(
    account: Account, engine: Engine, other: Engine, policy: Policy, is_leased: bool
) -> None:
    leave_at_each_step(other, policy)
    if not is_leased:
        Order.objects.filter(chain_id=OTHER, outcome=None).update(lease_until=None, lease_token=None)
    assert statuses_on(OTHER) == {"PENDING", "BUILDING", "SUBMITTED", "FAILED"}
    assert Submission.objects.filter(wallet__chain_id=OTHER, order__outcome="expired", closed_at=None).exists()
    before = rows_of(OTHER)
    place_on(OURS, account)

    work(engine, policy)
    work(engine, policy)

    assert rows_of(OTHER) == before
    work(other, policy)
    work(other, policy)
    assert statuses_on(OTHER) == {"CONFIRMED", "FAILED"}
    assert not Submission.objects.filter(closed_at=None).exists()


def test_work_is_due_on_the_chain_that_has_it(account: Account, engine: Engine, other: Engine) -> None:
    place_on(OTHER, account)

    assert due_stages(OURS) == {}
    assert list(due_stages(OTHER)) == [Stage.ROUTE]
    assert claim_orders(Stage.ROUTE, 10, 10, chain_id=OURS).orders == []


def test_an_engine_that_is_down_is_not_covered_by_the_other(engine: Engine, other: Engine, policy: Policy) -> None:
    assert run_maintenance(engine, policy)

    assert worker_age_s(OURS) is not None
    assert worker_age_s(OTHER) is None, "its readiness must say so"
    assert run_maintenance(other, policy), "what the first engine did is not what the second needs"


def test_blocks_are_compared_with_the_chain_that_made_them(
    account: Account, engine: Engine, other: Engine, policy: Policy
) -> None:
    place_on(OTHER, account)
    place_on(OURS, account)
    work(engine, policy)
    work(other, policy)
    assert set(Fill.objects.values_list("block_number", flat=True)) == {1}, "both chains have such a block"
    assert isinstance(other.chain, FakeChain)
    other.chain.block_hash = "another"

    assert watch_blocks(engine) is None
    assert not Heartbeat.objects.filter(name__startswith="reorg").exists()
    assert watch_blocks(other) == 1
    assert [row.name for row in Heartbeat.objects.filter(name__startswith="reorg")] == [f"reorg:{OTHER}"]


def test_a_pause_of_one_chain_is_none_of_the_other(
    account: Account, engine: Engine, other: Engine, policy: Policy
) -> None:
    place_on(OURS, account)
    place_on(OTHER, account)
    pause(find_target("chain", "", engine), PERSON)

    work(engine, policy)
    work(other, policy)

    assert (statuses_on(OURS), statuses_on(OTHER)) == ({"PENDING"}, {"CONFIRMED"})


def test_an_address_means_the_wallet_of_the_engines_chain(account: Account, engine: Engine, other: Engine) -> None:
    ours, theirs = (Wallet.objects.create(account=account, chain_id=name, address="0x1") for name in (OURS, OTHER))

    assert [find_target("wallet", "0x1", one).chain_id for one in (engine, other)] == [OURS, OTHER]
    pause_wallets({ours.id: "test", theirs.id: "test"})
    with pytest.raises(ChainUnavailable, match="the engine of that chain"):
        resume_wallet(theirs, engine, PERSON)
    assert resume_wallet(ours, engine, PERSON) == 0
    assert list(Wallet.objects.exclude(paused_reason="")) == [theirs]


def test_a_token_has_the_same_decimals_on_every_chain(db: None, other: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    Token.objects.create(symbol="SOL", name="SOL", decimals=6)
    monkeypatch.setattr("orders.management.commands.prepare.get_engine", lambda: other)

    with pytest.raises(CommandError, match="SOL with 6, not 9"):
        call_command("prepare", stdout=StringIO())


@pytest.mark.parametrize("stage", list(Stage))
def test_a_claim_reads_no_row_of_another_chain(account: Account, stage: Stage) -> None:
    """However many wait on a chain whose engine is down."""
    fill_with_due_orders(account, OTHER, 800)

    with connection.cursor() as cursor:
        cursor.execute("ANALYZE orders_order")
        values: dict[str, str | int] = {"limit": 200, "lease_s": 10, "chain_id": OURS, "is_pooled": False}
        cursor.execute("EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF) " + claim._statement(stage), values)
        plan = "\n".join(row[0] for row in cursor.fetchall())

    assert DUE[stage].index in plan
    assert "Rows Removed by Filter" not in plan, plan


def fill_with_due_orders(account: Account, chain_id: str, count: int) -> None:
    """Due orders in every state that a stage looks for."""
    [example] = place_on(chain_id, account)
    with connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO orders_order
            SELECT (due.row).* FROM (
                SELECT jsonb_populate_record(NULL::orders_order, to_jsonb(o) || jsonb_build_object(
                    'id', gen_random_uuid(), 'status', v.status, 'tx_hash', v.tx_hash)) AS row
                FROM orders_order o, generate_series(1, %s),
                    (VALUES ('PENDING', NULL), ('BUILDING', NULL), ('BUILDING', '0x1'), ('SUBMITTED', '0x2'))
                    AS v(status, tx_hash)
                WHERE o.id = %s OFFSET 0
            ) due
            """,
            [count // 4, example.id],
        )
