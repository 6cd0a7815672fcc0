"""A real PgBouncer in front of PostgreSQL: orders are executed on sessions that change, or the start is refused."""

import json
import os
import re
from collections.abc import Iterator

import psycopg
import pytest

from orderengine.devstack.configured import refuse_unreachable_database
from orderengine.refusal import Refusal
from orderengine.tests.postgres.pgbouncer import MISSING, SESSIONS, PgBouncer, binary, version
from orderengine.tests.postgres.test_poolers import run
from orders.database.pooling import LOSES_STATEMENTS, POOLED

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(binary() is None, reason=MISSING),
]
keeps_prepared = pytest.mark.skipif(
    binary() is not None and version() < (1, 22),
    reason=f"NOT TESTED: pgbouncer {'.'.join(map(str, version()))} keeps no prepared statements, 1.22 does",
)
MODES = [
    pytest.param("transaction-unprepared", id="unprepared"),
    pytest.param("transaction", id="prepared", marks=keeps_prepared),
]
ALTER = re.compile(r"ALTER ROLE \S+ IN DATABASE \S+ SET (\w+) = [^;]+")
NAMES = ["lock_timeout", "statement_timeout", "idle_in_transaction_session_timeout"]
# Clients that work at the same time, more than there are sessions. Each places orders and works off what is due.
ORDERS = """
import asyncio, json, threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dex import Engine, RetryableError
from dex.chains.simulated import SimulatedChain, SimulatedOptions
from orders.config import Policy
from orders.models import Order, OrderEvent, Token
from orders.pipeline.outlook import end_dead_leases
from orders.pipeline.loop import run_stage
from orders.pipeline.maintenance import run_maintenance
from orders.states import Stage, TERMINAL
from orders.streams.reader import Tail
from orders.tests.factories import new_account, place, terms

engine = Engine(SimulatedChain(SimulatedOptions()))
Token.objects.bulk_create(
    Token(symbol=token.symbol, name=token.name, decimals=token.decimals) for token in engine.chain.tokens()
)
policy = Policy(retry_base_s=0.001, retry_cap_s=0.001)
together = threading.Barrier(4)

def session():
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        return cursor.fetchone()[0]

def work(_):
    account, sessions = new_account(), set()
    together.wait()
    for _ in range(8):
        place(account, terms(), terms())
        for stage in Stage:
            sessions.add(session())
            with suppress(RetryableError):
                run_stage(stage, engine=engine, policy=policy)
        ended = end_dead_leases(10, chain_id="simulated")
    while Order.objects.filter(account=account).exclude(status__in=TERMINAL).exists():
        run_maintenance(engine, policy)
        for stage in Stage:
            with suppress(RetryableError):
                run_stage(stage, engine=engine, policy=policy)
    connection.close()
    return len(sessions), ended

async def tail():
    reader = Tail()
    await reader.connect()
    here = await reader.edge()
    read = len(await reader.rows(
        {"account_id": account, "xid": "0", "id": 0, "new_xid": "0", "new_id": 0} for account in accounts
    ))
    await reader.close()
    return read

with ThreadPoolExecutor(4) as pool:
    worked = list(pool.map(work, range(4)))
accounts = sorted(set(Order.objects.values_list("account_id", flat=True)))
print(json.dumps({
    "sessions": min(sessions for sessions, _ in worked),
    "ended": sum(ended for _, ended in worked),
    "statuses": Counter(Order.objects.values_list("status", flat=True).iterator(chunk_size=10)),
    "events": Counter(Counter(OrderEvent.objects.values_list("order_id", flat=True)).values()),
    "read": asyncio.run(tail()),
}))
"""


@pytest.fixture
def role_limits() -> Iterator[None]:
    """The role has the engine's limits by itself, as the refusal tells the operator to set them."""
    with (
        PgBouncer("transaction") as pooler,
        pytest.raises(Refusal, match="does not set the engine's limits") as refused,
    ):
        look(pooler, "transaction-unprepared")
    told = [found[0] for found in ALTER.finditer(str(refused.value))]
    assert [statement.partition(" SET ")[2].partition(" ")[0] for statement in told] == NAMES
    with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as session:
        for statement in told:
            session.execute(statement.encode())
        yield
        for statement in told:
            session.execute(statement.replace(" SET ", " RESET ").partition(" =")[0].encode())


def look(pooler: PgBouncer, mode: str) -> None:
    """As `make run` looks at the database before it starts anything. Raises: Refusal."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DB_POOLER", mode)
        refuse_unreachable_database(pooler.url)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.usefixtures("role_limits")
def test_orders_are_executed_on_sessions_that_change(mode: str) -> None:
    with PgBouncer("transaction", prepared=100) as pooler:
        look(pooler, mode)
        ran = run(pooler.url, ORDERS, DB_POOLER=mode)
        with psycopg.connect(pooler.url) as session:
            [[prepared]] = session.execute("SELECT count(*) FROM pg_prepared_statements").fetchall()

    assert ran.returncode == 0, ran.stderr
    assert json.loads(ran.stdout) == {
        "sessions": SESSIONS,
        "ended": 0,
        "statuses": {"CONFIRMED": 64},
        "events": {"5": 64},
        "read": 320,
    }
    assert (prepared > 0) is (mode == "transaction")


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.usefixtures("role_limits")
def test_limits_of_the_role_that_differ_are_refused(mode: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DB_STATEMENT_TIMEOUT_MS", "4000")
    with PgBouncer("transaction", prepared=100) as pooler, pytest.raises(Refusal) as refused:
        look(pooler, mode)

    assert [found[0].partition(" SET ")[2] for found in ALTER.finditer(str(refused.value))] == [
        "statement_timeout = 4000"
    ]


def test_it_is_refused_where_the_engine_counts_on_sessions() -> None:
    with PgBouncer("transaction") as pooler, pytest.raises(Refusal, match=re.escape(POOLED)):
        look(pooler, "session")


@pytest.mark.usefixtures("role_limits")
def test_it_is_refused_where_it_loses_prepared_statements() -> None:
    with PgBouncer("transaction", prepared=0) as pooler, pytest.raises(Refusal, match=re.escape(LOSES_STATEMENTS)):
        look(pooler, "transaction")


@pytest.mark.parametrize("mode", ["session", "transaction", "transaction-unprepared"])
def test_statement_pooling_is_refused(mode: str) -> None:
    with PgBouncer("statement") as pooler, pytest.raises(Refusal, match="cannot be used"):
        look(pooler, mode)


@pytest.mark.parametrize("mode", ["session", "transaction", "transaction-unprepared"])
@pytest.mark.usefixtures("role_limits")
def test_one_that_keeps_sessions_serves_in_every_mode(mode: str) -> None:
    with PgBouncer("session") as pooler:
        look(pooler, mode)


def test_migrations_need_a_session_of_their_own() -> None:
    code = """
from django.core.management.base import CommandError
from orders.apps import refuse_migrations_without_session
refuse_migrations_without_session("default", [])
try:
    refuse_migrations_without_session("default", ["a migration"])
except CommandError as error:
    print(error)
"""
    with PgBouncer("transaction") as pooler:
        refused = run(pooler.url, code)
    with PgBouncer("session") as pooler:
        allowed = run(pooler.url, code)

    assert "migrations need one of their own" in refused.stdout, refused.stderr
    assert (allowed.stdout, allowed.returncode) == ("", 0), allowed.stderr
