"""The supervisor as its users meet it: real servers, real signals, and one clear sentence when it refuses."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import psycopg
import pytest
import redis

from orderengine.tests.engines import DEVSTACK, ROOT, Engine, Start, wait_until_gone

pytestmark = pytest.mark.system


def test_stops_at_ctrl_c_and_leaves_no_process(engine: Engine) -> None:
    processes = engine.processes()
    assert set(processes) == {"supervisor", "guard", "postgres", "valkey"}
    assert engine.redis().ping()

    assert engine.stop() == 0

    assert wait_until_gone(list(processes.values()), 0) == []
    assert engine.processes() == {}
    assert engine.shared("environment") == {}


def test_data_survive_kill_9_which_leaves_nothing_within_ten_seconds(engine: Engine, start: Start) -> None:
    processes = list(engine.processes().values())
    with engine.connect() as connection:
        connection.execute("CREATE TABLE kept AS SELECT 7 AS n")
    ports = engine.shared("ports")

    engine.process.kill()
    engine.process.wait()
    # At once, as a person would: the new one waits until the guard of the old one is done.
    again = start(engine.state).until_up()

    assert wait_until_gone(processes, 0) == []
    assert again.shared("ports") == ports
    with again.connect() as connection:
        assert connection.execute("SELECT n FROM kept").fetchone() == (7,)
    assert again.stop() == 0


def test_kill_9_alone_ends_everything(engine: Engine) -> None:
    processes = list(engine.processes().values())

    engine.process.kill()

    assert wait_until_gone(processes, 10) == []


def test_a_killed_guard_ends_everything_too(engine: Engine) -> None:
    processes = list(engine.processes().values())

    os.kill(engine.processes()["guard"], signal.SIGKILL)

    assert "guard" in engine.refusal()
    assert wait_until_gone(processes, 0) == []


def test_a_dead_server_is_started_again_on_its_port(engine: Engine) -> None:
    before = engine.processes()
    os.kill(before["valkey"], signal.SIGKILL)
    os.kill(before["postgres"], signal.SIGKILL)

    deadline = time.monotonic() + 15
    while time.monotonic() < deadline:
        try:
            with engine.connect() as connection:
                assert connection.execute("SELECT 1").fetchone() == (1,)
            assert engine.redis().ping()
            break
        except (psycopg.OperationalError, redis.ConnectionError):
            time.sleep(0.1)

    after = engine.processes()
    assert after.keys() == before.keys()
    assert after["valkey"] != before["valkey"]
    assert after["supervisor"] == before["supervisor"]


def test_a_second_supervisor_on_the_same_state_is_refused(engine: Engine, start: Start) -> None:
    second = start(engine.state)

    said, _ = second.process.communicate(timeout=20)

    assert second.process.returncode == 1
    assert f"process {engine.process.pid}" in said
    assert "STATE_DIR=" in said
    assert engine.redis().ping()


def test_secrets_stand_in_private_files_and_in_no_process_list(engine: Engine) -> None:
    secrets = [engine.state / "postgres" / "password", engine.state / "valkey" / "password"]
    private = [*secrets, engine.state / "valkey" / "valkey.conf", engine.state / "environment.json"]

    assert [oct(file.stat().st_mode & 0o777) for file in private] == ["0o600"] * 4
    if Path("/proc/self").exists():
        for pid in engine.processes().values():
            arguments = Path(f"/proc/{pid}/cmdline").read_text()
            assert not any(secret.read_text().strip() in arguments for secret in secrets)


def test_the_role_of_the_engine_is_no_superuser_and_the_superuser_gets_in_nowhere(engine: Engine) -> None:
    with engine.connect() as connection:
        assert connection.execute("SELECT rolsuper FROM pg_roles WHERE rolname = current_user").fetchone() == (False,)

    url = engine.shared("environment")["DATABASE_URL"].replace("//engine:", "//postgres:")
    with pytest.raises(psycopg.OperationalError, match=r"pg_hba\.conf"):
        psycopg.connect(url)


@pytest.mark.parametrize(
    ("version", "reason"), [("9.6\n", "are of PostgreSQL 9.6"), (None, "is not a database that this engine made")]
)
def test_foreign_data_are_refused_and_left_alone(state: Path, version: str | None, reason: str, start: Start) -> None:
    data = state / "postgres" / "data"
    data.mkdir(parents=True)
    (state / "postgres" / "password").write_text("secret")
    (data / ("PG_VERSION" if version else "holiday.jpg")).write_text(version or "sea")

    said = start(state).refusal()

    assert reason in said
    assert "DATABASE_URL" in said
    assert len(list(data.iterdir())) == 1


def test_a_port_in_use_is_refused_before_anything_starts(state: Path, start: Start) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]

        said = start(state, PORT=str(port)).refusal()

    assert f"Port {port} on 127.0.0.1 is in use." in said
    assert f"PORT={port + 1} make run" in said
    assert not (state / "postgres").exists()


def test_a_taken_server_port_is_left_to_its_owner(state: Path, start: Start) -> None:
    remembered = json.loads((state / "ports.json").read_text())
    with socket.create_server(("127.0.0.1", remembered["postgres"])):
        engine = start(state).until_up()

        chosen = engine.shared("ports")
        assert chosen["postgres"] != remembered["postgres"]
        assert chosen["valkey"] == remembered["valkey"]
        assert engine.stop() == 0


@pytest.mark.parametrize(
    ("environment", "reason"),
    [
        (
            {"DATABASE_URL": "postgresql://u:p@127.0.0.1:1/x?schema=public"},
            "The database of DATABASE_URL cannot be used",
        ),
        ({"DATABASE_URL": "sqlite:///x"}, "DATABASE_URL is no postgresql:// URL"),
        ({"REDIS_HOST": "127.0.0.1", "REDIS_PORT": "1"}, "The Redis server at 127.0.0.1:1 cannot be used"),
        ({"REDIS_HOST": "127.0.0.1", "REDIS_PORT": "six"}, "REDIS_PORT=six is no number from 1 to 65535"),
        ({"PORT": "70000"}, "PORT=70000 is no number from 1 to 65535"),
        ({"HOST": "203.0.113.7", "PORT": "3000"}, "in use|no address of this machine|203.0.113.7"),
    ],
)
def test_what_the_user_configured_wrongly_is_named(
    state: Path, environment: dict[str, str], reason: str, start: Start
) -> None:
    said = start(state, **environment).refusal()

    assert any(part in said for part in reason.split("|"))
    assert ":p@" not in said


def test_a_configured_server_is_used_and_not_embedded(engine: Engine, start: Start) -> None:
    shared = engine.shared("environment")
    with tempfile.TemporaryDirectory() as directory:
        given = {name: shared[name] for name in ("DATABASE_URL", "REDIS_HOST", "REDIS_PORT", "REDIS_PASSWORD")}
        given["DATABASE_URL"] += "?schema=public"
        other = start(Path(directory), **given).until_up()

        assert set(other.processes()) == {"supervisor", "guard"}
        assert other.stop() == 0


def with_servers(*argv: str) -> "subprocess.CompletedProcess[str]":
    command = [*DEVSTACK, "with-servers", "--", *argv]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=30)


def test_with_servers_runs_a_command_beside_servers_that_vanish() -> None:
    show = "import os, json; print(json.dumps({k: os.environ[k] for k in ('DATABASE_URL', 'REDIS_PORT', 'STATE_DIR')}))"
    done: list[subprocess.CompletedProcess[str]] = []
    both = [threading.Thread(target=lambda: done.append(with_servers(sys.executable, "-c", show))) for _ in range(2)]

    for thread in both:
        thread.start()
    for thread in both:
        thread.join()

    given = [json.loads(result.stdout) for result in done]
    assert [result.stderr for result in done] == ["", ""]
    assert all(os.environ["DATABASE_URL"] != one["DATABASE_URL"] for one in given)
    assert len({one["REDIS_PORT"] for one in given}) == 2
    assert not any(Path(one["STATE_DIR"]).exists() for one in given)


@pytest.mark.parametrize(
    ("code", "expected"), [("raise SystemExit(7)", 7), ("import os; os.kill(os.getpid(), 15)", 143)]
)
def test_with_servers_answers_the_exit_code_of_its_command(code: str, expected: int) -> None:
    assert with_servers(sys.executable, "-c", code).returncode == expected


def test_with_servers_says_which_command_is_missing() -> None:
    done = with_servers("no-such-command")

    assert done.returncode == 127
    # Or "Permission denied", where PATH has a directory that this user may not enter.
    assert re.fullmatch(r"error: no-such-command: \w[\w ]+\n", done.stderr)
