"""A database that answers with an error is away: nothing is lost, nothing fails for it, and work goes on by itself."""

import contextlib
import json
from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest
from django.db import DatabaseError, OperationalError, connection
from django.db.models.functions import Now
from django.test import Client

from dex import Engine
from orders.config import Policy
from orders.database.errors import Watch, is_unavailable, unavailable_reason
from orders.models import Account, Order
from orders.pipeline.loop import run_stage
from orders.states import Stage
from orders.tests.factories import api_key, let_leases_run_out, place
from orders.tests.pipeline.chain_faults import CONFIRMATIONS

pytestmark = pytest.mark.django_db(transaction=True)

Drive = Callable[..., None]
# What a failover, a full disk, a pooler and a server that starts or stops say.
REFUSALS = ["25006", "53100", "53200", "53300", "53400", "57P03", "57P01", "58000", "58030", "08P01", "XX000"]
ORDER = {"token_in": "SOL", "token_out": "USDC", "amount": "2.5"}


class Refusing:
    """A database whose table of orders refuses to be written to while `state` is an SQLSTATE."""

    def __init__(self) -> None:
        self._run(
            "CREATE TABLE refusal (state text, status text); INSERT INTO refusal VALUES ('', '');"
            "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ DECLARE r refusal; BEGIN"
            " SELECT * INTO r FROM refusal; IF r.state <> '' AND NEW.status LIKE r.status THEN"
            " RAISE EXCEPTION 'the server says no' USING ERRCODE = r.state; END IF; RETURN NEW; END $$;"
            "CREATE TRIGGER refuse BEFORE INSERT OR UPDATE ON orders_order FOR EACH ROW EXECUTE FUNCTION refuse()"
        )

    def say(self, state: str, status: str = "%") -> None:
        """Refuse writes that lead to a status with this SQLSTATE, or none any more."""
        self._run(f"UPDATE refusal SET state = '{state}', status = '{status}'")

    def end(self) -> None:
        self._run("DROP TRIGGER refuse ON orders_order; DROP FUNCTION refuse; DROP TABLE refusal")

    def _run(self, statements: str) -> None:
        with connection.cursor() as cursor:
            for statement in statements.split(";") if "$$" not in statements else [statements]:
                cursor.execute(statement)


@pytest.fixture
def refusing(account: Account, monkeypatch: pytest.MonkeyPatch) -> Iterator[Refusing]:
    # Several statements in one need the simple protocol.
    monkeypatch.setitem(connection.settings_dict["OPTIONS"], "server_side_binding", False)
    connection.close()
    database = Refusing()
    yield database
    database.end()
    connection.close()


@pytest.fixture
def client(account: Account) -> Client:
    return Client(headers={"Authorization": f"Bearer {api_key(account)}"}, raise_request_exception=False)


def post(client: Client) -> Any:
    return client.post("/api/v1/orders", json.dumps(ORDER), content_type="application/json")


def session() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        return int(cursor.fetchone()[0])


@pytest.mark.parametrize("state", REFUSALS)
def test_a_refused_claim_leaves_the_order_as_it_was(
    state: str, account: Account, engine: Engine, policy: Policy, refusing: Refusing, drive: Drive
) -> None:
    [order] = place(account)
    refusing.say(state)

    with pytest.raises(DatabaseError) as met:
        run_stage(Stage.ROUTE, engine=engine, policy=policy)

    assert is_unavailable(met.value)
    refusing.say("")
    order.refresh_from_db()
    assert (order.status, order.seq, order.claim_count) == ("PENDING", 1, 0)
    drive()
    order.refresh_from_db()
    assert (order.status, order.outcome) == ("CONFIRMED", "filled")


@pytest.mark.parametrize("state", REFUSALS)
# What is final as soon as it is sent is never SUBMITTED alone.
@pytest.mark.parametrize(
    "status", ["BUILDING", pytest.param("SUBMITTED", marks=pytest.mark.blocks_by_test), "CONFIRMED"]
)
def test_a_step_that_is_refused_for_long_is_no_fault_of_the_order(
    state: str, status: str, account: Account, engine: Engine, policy: Policy, refusing: Refusing, drive: Drive
) -> None:
    """Each try was counted as a death of its worker, and the eighth ended the order as poison."""
    [order] = place(account)
    refusing.say(state, status)

    for _ in range(policy.max_claims + 3):
        for stage in tuple(Stage):
            with contextlib.suppress(DatabaseError):
                run_stage(stage, engine=engine, policy=policy)
        let_leases_run_out()

    order.refresh_from_db()
    assert (order.outcome, order.claim_count, order.parked_at) == (None, 0, None)
    refusing.say("")
    drive(*Stage)
    engine.chain.mine(CONFIRMATIONS)  # type: ignore[attr-defined]
    Order.objects.update(due_at=Now())
    drive()
    order.refresh_from_db()
    assert (order.status, order.outcome) == ("CONFIRMED", "filled")


@pytest.mark.parametrize("state", REFUSALS)
def test_a_post_is_answered_503_with_the_reason_and_stores_nothing(
    state: str, client: Client, refusing: Refusing
) -> None:
    refusing.say(state)

    refused = post(client)

    assert (refused.status_code, refused.json()["code"]) == (503, "not_ready")
    assert int(refused["Retry-After"]) > 0
    assert "the server says no" not in refused.content.decode()
    assert not Order.objects.exists()
    refusing.say("")
    assert post(client).status_code == 201


@pytest.mark.parametrize(
    ("state", "reason"),
    [
        ("25006", "the database is read-only, as during a failover"),
        ("53100", "the database's disk is full"),
        ("53300", "the database has no connection left"),
        ("53200", "the database has used up its resources"),
        ("57P03", "the database is starting or stopping"),
        ("58030", "the database meets errors of its disk or system"),
        ("08006", "the database cannot be reached"),
    ],
)
def test_the_reason_is_named_and_holds_nothing_that_the_server_said(state: str, reason: str) -> None:
    assert unavailable_reason(psycopg.errors.lookup(state)("host 10.0.0.1 user engine")) == reason


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ("sorry, too many clients already", "the database has no connection left"),
        ("remaining connection slots are reserved for roles with SUPERUSER", "the database has no connection left"),
        ('too many connections for role "engine"', "the database has no connection left"),
        ("no more connections allowed (max_client_conn)", "the database has no connection left"),
        ("the database system is starting up", "the database is starting or stopping"),
        ("the database system is not yet accepting connections", "the database is starting or stopping"),
        ("the database system is in recovery mode", "the database is starting or stopping"),
        ('password authentication failed for user "engine"', "the database refuses the engine's credentials"),
        ("query_wait_timeout", "the database did not answer in time"),
        ("server login failed: FATAL too many connections", "the database has no connection left"),
        ("server conn crashed?", "the database cannot be reached"),
    ],
)
def test_the_reason_is_named_where_no_connection_comes_about(said: str, reason: str) -> None:
    """Libpq keeps the SQLSTATE to itself then."""
    words = f'connection failed: connection to server at "10.0.0.1", port 5432 failed: FATAL:  {said}'

    assert unavailable_reason(OperationalError(words)) == reason


def test_a_session_with_a_demoted_server_is_given_up(client: Client) -> None:
    """It stays open and read-only; a pool handed it out again and again."""
    before = session()
    with connection.cursor() as cursor:
        cursor.execute("SET default_transaction_read_only = on")

    refused = post(client)

    assert (refused.status_code, refused.json()["detail"][:28]) == (503, "the database is read-only, a")
    assert session() != before
    assert post(client).status_code == 201


def test_a_task_says_once_that_the_database_refuses_and_once_that_it_is_back(
    refusing: Refusing, account: Account, caplog: pytest.LogCaptureFixture
) -> None:
    watch = Watch()
    place(account)
    refusing.say("25006")

    for _ in range(3):
        with pytest.raises(OperationalError), watch.watched():
            Order.objects.update(claim_count=0)
    refusing.say("")
    for _ in range(2):
        with watch.watched():
            Order.objects.update(claim_count=0)

    assert [record.message for record in caplog.records if record.name == "orders.database.errors"] == [
        "the database is read-only, as during a failover; work waits for it",
        "the database is back",
    ]


@pytest.mark.parametrize("state", ["23505", "42601", "22003", "42501", "P0001"])
def test_what_is_wrong_with_a_statement_is_no_outage(state: str) -> None:
    assert not is_unavailable(psycopg.errors.lookup(state)())
