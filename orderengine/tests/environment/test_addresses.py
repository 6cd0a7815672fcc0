"""Addresses and URLs as operators write them: IPv6, several hosts, sockets, any schema, any sign in a secret."""

import json
import os
import socket
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote, urlsplit

import channels_redis.utils
import httpx
import psycopg
import pytest
import redis
from hypothesis import given
from hypothesis import strategies as st
from kombu.utils.url import url_to_parts

from orderengine.devstack.apps import app_commands, listen
from orderengine.devstack.binaries import find_valkey
from orderengine.devstack.environment import free_port
from orderengine.environment.addresses import (
    WrongValue,
    authority,
    http_url,
    is_loopback,
    read_allowed_host,
    read_database_url,
    read_host,
    read_public_url,
    redis_url,
)
from orderengine.tests.engines import ROOT, Start, until
from orderengine.tests.warm import run_warm

HAS_IPV6 = socket.has_ipv6 and Path("/proc/net/if_inet6").exists()


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("localhost", "http://localhost:80"),
        ("127.0.0.1", "http://127.0.0.1:80"),
        ("0.0.0.0", "http://127.0.0.1:80"),
        ("::", "http://[::1]:80"),
        ("::1", "http://[::1]:80"),
        ("2001:db8::7", "http://[2001:db8::7]:80"),
        ("fe80::1%eth0", "http://[fe80::1%25eth0]:80"),
    ],
)
def test_urls_of_servers(host: str, expected: str) -> None:
    assert http_url(host, 80) == expected


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        *(
            (one, True)
            for one in ("localhost", "LOCALHOST", "127.0.0.1", "127.9.9.9", "::1", "[::1]", "::ffff:127.0.0.1")
        ),
        *((one, False) for one in ("127.0.0.1.example.com", "127.example.com", "0.0.0.0", "::", "10.0.0.1", "127.1")),
    ],
)
def test_loopback_is_judged_by_the_address(host: str, expected: bool) -> None:
    assert is_loopback(host) is expected


@given(st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=30))
@pytest.mark.parametrize("host", ["localhost", "::1", "2001:db8::7", "10.0.0.1"])
def test_every_client_reads_the_redis_url_alike(host: str, password: str) -> None:
    url = redis_url(host, 6380, password, 2)

    pool = redis.ConnectionPool.from_url(url).connection_kwargs
    of_channels = channels_redis.utils.decode_hosts([{"address": url}])[0]["address"]
    of_kombu = url_to_parts(url)

    assert (pool["host"], pool["port"], pool["password"], pool["db"]) == (host, 6380, password, 2)
    assert of_channels == url
    assert (of_kombu.hostname, of_kombu.port, of_kombu.password, of_kombu.path) == (host, 6380, password, "2")


TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=12)


@given(user=TEXTS, password=TEXTS, name=TEXTS, schema=TEXTS)
@pytest.mark.parametrize("host", ["db", "10.0.0.1", "[2001:db8::7]", "a:1,b:2", "%2Frun%2Fpostgresql"])
def test_a_database_url_says_what_was_quoted_into_it(
    host: str, user: str, password: str, name: str, schema: str
) -> None:
    user_q, password_q, name_q, schema_q = (quote(text, safe="") for text in (user, password, name, schema))
    url = f"postgresql://{user_q}:{password_q}@{host}/{name_q}?sslmode=disable&schema={schema_q}&connect_timeout=7"

    address = read_database_url(url)

    said = address.parameters
    assert (said["user"], said["password"], said["dbname"], address.schema) == (user, password, name, schema)
    assert (said["sslmode"], said["connect_timeout"]) == ("disable", "7")
    assert repr(address) == f"DatabaseAddress(schema={schema!r})"


@pytest.mark.parametrize(
    ("url", "parameters", "schema"),
    [
        ("postgresql:///db?host=/dir", {"dbname": "db", "host": "/dir"}, ""),
        ("postgres://a:1,b:2/db?schema=Trading", {"host": "a,b", "port": "1,2", "dbname": "db"}, "Trading"),
        ("postgresql://:p#w?d@h/d?schema=my%20schema", {"password": "p#w?d", "host": "h", "dbname": "d"}, "my schema"),
        ("postgresql://h/db?schema=", {"host": "h", "dbname": "db"}, ""),
        ("postgresql://h/db?schema=a&sslmode=require", {"host": "h", "dbname": "db", "sslmode": "require"}, "a"),
    ],
)  # fmt: skip
def test_what_operators_write(url: str, parameters: dict[str, str], schema: str) -> None:
    address = read_database_url(url)

    assert (address.parameters, address.schema) == (parameters, schema)


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("mysql://u:hunter2@h/db", " is no postgresql:// URL."),
        ("host=h password=hunter2", " is no postgresql:// URL."),
        ("postgresql://u:hun/ter2@h/db", " has a port that is no number from 1 to 65535"),
        ("postgresql://u:hunter2@h:99999/db", " has a port that is no number from 1 to 65535"),
        ("postgresql://u:hunter2@h", " names no database"),
        ("postgresql://u:hunter2@h/?schema=x", " names no database"),
        ("postgresql://u:%zzhunter2@h/db", " is no valid postgresql:// URL"),
        ("postgresql://u:hun ter2@h/db", " is no valid postgresql:// URL"),
        ("postgresql://u:hunter2@h/db?pool=true", " has the option pool, which PostgreSQL does not know."),
        ("postgresql://u:hunter2@h/db?sslmode=maybe", " has an sslmode that is none of disable"),
        ("postgresql://u:hunter2@h/db?connect_timeout=soon", " has a connect_timeout that is no number"),
        ("postgresql://u:hunter2@a,b/db?port=1,2,3", " has another number of ports than of hosts."),
        ("postgresql://u:hunter2@h/db?schema=a&schema=b", " names its schema twice."),
        (f"postgresql://u:hunter2@h/db?schema={'x' * 64}", " names a schema that PostgreSQL cannot have"),
        ("postgresql://u:hunter2@h/db?schema=%00", " names a schema that PostgreSQL cannot have"),
        ("postgresql://u:hunter2@h/%00", " is no valid postgresql:// URL"),
    ],
)
def test_a_database_url_that_cannot_be_is_refused_without_its_secret(url: str, why: str) -> None:
    with pytest.raises(WrongValue) as refused:
        read_database_url(url)

    assert str(refused.value).startswith(why)
    assert "hun" not in str(refused.value)
    assert "ter2" not in str(refused.value)


@given(st.text(max_size=60))
def test_any_text_is_read_or_refused(text: str) -> None:
    readers: tuple[Callable[[str], object], ...] = (read_host, read_allowed_host, read_public_url)
    for read in (*readers, read_database_url):
        for given_text in (text, f"postgresql://{text}", f"https://{text}"):
            try:
                read(given_text)
            except WrongValue as refused:
                assert str(refused)  # noqa: PT017 - either is right


def ask_database(url: str) -> "subprocess.CompletedProcess[str]":
    return run_warm("-m", "orderengine.postgres.check", cwd=ROOT, environment=os.environ | {"DATABASE_URL": url})


def test_the_server_is_found_among_several_hosts_and_by_parameters() -> None:
    url = os.environ["DATABASE_URL"]
    parts = urlsplit(url)
    several = url.replace(f"@{parts.hostname}:{parts.port}", f"@127.0.0.1:{free_port()},127.0.0.1:{parts.port}")
    by_name = f"postgresql:///order_db?host=127.0.0.1&port={parts.port}&user={parts.username}&password={parts.password}"

    for one in (several, by_name):
        asked = ask_database(one)
        assert (asked.returncode, int(asked.stdout) >= 15) == (0, True), asked.stderr


@pytest.fixture
def schemas() -> Iterator[list[str]]:
    """Schemas of the server's own database, under names that need quotes."""
    names = ["Trading", "my schema", 'a "quoted", one']
    with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as connection:
        for name in names:
            connection.execute(psycopg.sql.SQL("CREATE SCHEMA {}").format(psycopg.sql.Identifier(name)))
        yield names
        for name in names:
            connection.execute(psycopg.sql.SQL("DROP SCHEMA {} CASCADE").format(psycopg.sql.Identifier(name)))


def test_tables_are_made_in_the_schema_of_any_name(schemas: list[str]) -> None:
    code = (
        "import django; django.setup(); from django.db import connection\n"
        "with connection.cursor() as cursor: cursor.execute('CREATE TABLE here (n int)')"
    )
    for name in schemas:
        own = os.environ | {"DATABASE_URL": f"{os.environ['DATABASE_URL']}?schema={quote(name, safe='')}"}
        ran = run_warm("-c", code, cwd=ROOT, environment=own)
        assert ran.returncode == 0, ran.stderr

    with psycopg.connect(os.environ["DATABASE_URL"]) as connection:
        rows = connection.execute("SELECT schemaname FROM pg_tables WHERE tablename = 'here'").fetchall()
    assert sorted(row[0] for row in rows) == sorted(schemas)


@pytest.mark.parametrize("schema", ["trading", "my%20schema"])
def test_a_schema_that_is_not_there_is_one_sentence(schema: str) -> None:
    url = f"{os.environ['DATABASE_URL']}?schema={schema}"
    asked = ask_database(url)
    migrated = run_warm("manage.py", "migrate", cwd=ROOT, environment=os.environ | {"DATABASE_URL": url})

    name = schema.replace("%20", " ")
    assert asked.stderr == f'the schema "{name}" of DATABASE_URL does not exist: CREATE SCHEMA "{name}";\n'
    assert migrated.returncode == 1
    assert f'the schema "{name}" of DATABASE_URL does not exist' in migrated.stderr
    assert "Traceback" not in migrated.stderr


@contextmanager
def valkey(directory: Path, host: str, password: str) -> Iterator[int]:
    """A Redis-compatible server at this address."""
    port = free_port()
    command = [find_valkey(), "--port", str(port), "--bind", host, "--requirepass", password, "--save", ""]
    process = subprocess.Popen(command, cwd=directory, stdout=subprocess.DEVNULL)
    try:
        yield port
    finally:
        process.kill()
        process.wait()


@pytest.mark.system
@pytest.mark.skipif(not HAS_IPV6, reason="no IPv6 on this machine")
def test_a_whole_engine_on_ipv6(state: Path, start: Start) -> None:
    password = "p@s:s/w#rd %41"
    port = free_port()
    with valkey(state, "::1", password) as redis_port:
        there = {"REDIS_HOST": "::1", "REDIS_PORT": str(redis_port), "REDIS_PASSWORD": password}
        engine = start(state, HOST="::1", PORT=str(port), DEBUG="1", REQUIRE_API_KEY="", **there).until_up()

        answers = engine.manage("doctor", "--json").stdout.splitlines()
        found = {need["need"]: need for need in map(json.loads, answers)}

        assert found["web"]["seen"] == f"http://[::1]:{port}/health"
        assert {need: one["ok"] for need, one in found.items()} == dict.fromkeys(found, True)
        assert engine.manage("seed", "--count", "1").returncode == 0
        assert engine.stop() == 0


@pytest.mark.system
@pytest.mark.skipif(not HAS_IPV6, reason="no IPv6 on this machine")
def test_a_web_process_on_every_address_serves_both_kinds(tmp_path: Path) -> None:
    environment = os.environ | {
        "HOST": "::",
        "PORT": str(port := free_port()),
        "STATE_DIR": str(tmp_path),
        "DEBUG": "1",
    }
    command = app_commands(ROOT, environment, listen(environment))[0]
    with subprocess.Popen(command.argv, cwd=ROOT, env=environment, stderr=subprocess.PIPE, text=True) as web:
        try:
            for host in ("127.0.0.1", "::1"):
                until(lambda host=host: httpx.get(http_url(host, port) + "/health").status_code == 200, 60)
        finally:
            web.terminate()
            said = web.communicate(timeout=20)[1]
    assert "Traceback" not in said


def test_authority_brackets_once() -> None:
    assert authority(read_host("[::1]"), 1) == "[::1]:1"
