"""A pooler before PostgreSQL: one that takes no start-up options serves, one that changes sessions is refused."""

import os
import subprocess
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.db import connection, connections

from orderengine.devstack.configured import refuse_unreachable_database
from orderengine.environment.typed import session_limits
from orderengine.refusal import Refusal
from orderengine.tests.engines import ROOT
from orderengine.tests.postgres.poolers import Pooler
from orderengine.tests.warm import run_warm
from orders.database.pooling import keeps_sessions
from orders.streams.reader import Tail

pytestmark = pytest.mark.django_db

LIMITS = {"lock_timeout": "2s", "statement_timeout": "5s", "idle_in_transaction_session_timeout": "5s"}
SHOW = "SELECT name, current_setting(name) FROM unnest(%s::text[]) AS name"


@pytest.fixture
def pooler() -> Iterator[Pooler]:
    settings = connection.settings_dict
    one = Pooler(settings["HOST"], int(settings["PORT"]))
    yield one
    one.close()


@pytest.fixture
def url(pooler: Pooler) -> str:
    parts = urlsplit(os.environ["DATABASE_URL"])
    name = connection.settings_dict["NAME"]
    return f"postgresql://{parts.username}:{parts.password}@127.0.0.1:{pooler.port}/{name}"


def run(url: str, code: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    own = {**os.environ, "DATABASE_URL": url, "DJANGO_SETTINGS_MODULE": "orderengine.settings", **environment}
    asked = f"import django; django.setup(); from django.db import connection\n{code}"
    return run_warm("-c", asked, cwd=ROOT, environment=own)


@pytest.mark.parametrize("pool", ["0", "2"])
def test_every_session_has_its_limits_behind_a_pooler_that_takes_no_options(
    pool: str, url: str, pooler: Pooler
) -> None:
    code = f"""
with connection.cursor() as cursor:
    cursor.execute({SHOW!r}, [{list(LIMITS)!r}])
    print(dict(cursor.fetchall()))
"""
    ran = run(url, code, DB_POOL_MAX=pool)

    assert (ran.stdout.strip(), ran.returncode) == (str(LIMITS), 0), ran.stderr
    assert pooler.refused == []


def test_the_limits_are_those_that_were_set(url: str) -> None:
    code = "cursor = connection.cursor(); cursor.execute('SHOW lock_timeout'); print(cursor.fetchone()[0])"

    ran = run(url, code, DB_LOCK_TIMEOUT_MS="1234")

    assert ran.stdout.strip() == "1234ms", ran.stderr


async def test_the_reader_of_events_has_its_limits_too() -> None:
    tail = Tail()
    await tail.connect()
    try:
        assert dict(await tail._fetch(SHOW, [list(LIMITS)])) == LIMITS
    finally:
        await tail.close()


def test_a_schema_with_capitals_and_blanks_is_the_search_path(url: str) -> None:
    ran = run(
        f"{url}?schema=My%20Schema",
        "cursor = connection.cursor(); cursor.execute('SHOW search_path')\nprint(*cursor.fetchone())",
    )

    assert ran.stdout.strip() == '"My Schema"', ran.stderr


def test_the_first_check_asks_as_the_program_will(url: str, pooler: Pooler) -> None:
    refuse_unreachable_database(url)
    refuse_unreachable_database(f"{url}?schema=public")
    assert pooler.refused == []

    with pytest.raises(Refusal, match="unsupported startup parameter: options"):
        refuse_unreachable_database(f"{url}?options=-c%20work_mem%3D8MB")


def test_a_direct_server_keeps_sessions() -> None:
    assert keeps_sessions(connection)


def test_a_pooler_that_changes_sessions_is_found_out() -> None:
    """In transaction mode the second session is given the server that the first one has just let go."""
    shared: Any = SimpleNamespace(cursor=connection.cursor, copy=lambda: shared)
    for name in ("set_autocommit", "rollback", "close"):
        setattr(shared, name, lambda *_: None)

    assert not keeps_sessions(shared)


def test_all_ways_to_connect_set_the_same_limits() -> None:
    statement, parameters = connections["default"].session_statement()  # type: ignore[attr-defined]

    assert statement.count("set_config") == len(session_limits())
    assert dict(zip(parameters[::2], parameters[1::2], strict=True)).items() >= session_limits().items()
