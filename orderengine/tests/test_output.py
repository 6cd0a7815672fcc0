"""Output that cannot be shown or written ends nothing: no engine, no command whose work is done."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from orderengine.devstack.console import Console
from orderengine.tests.engines import DEVSTACK, GIVEN_BY_MAKE_TEST, ROOT

SOLVE = [sys.executable, "manage.py", "solve", "docs/examples/two-pools.json"]
# After its banner an engine has had the time to end for it.
STAYS_S = 1.0


def clean(**environment: str) -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name not in GIVEN_BY_MAKE_TEST} | environment


def run(argv: list[str], encoding: str = "ascii", **options: Any) -> "subprocess.CompletedProcess[str]":
    environment = clean(PYTHONIOENCODING=encoding, NO_COLOR="1")
    streams = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | options
    return subprocess.run(argv, cwd=ROOT, env=environment, text=True, timeout=60, check=False, **streams)


@contextmanager
def engine(state: Path, stdout: Any) -> Iterator[tuple["subprocess.Popen[str]", Path]]:
    """A supervisor on an ASCII terminal that stays until it is asked to end, and what it says beside its output."""
    said = state / "said"
    environment = clean(PYTHONIOENCODING="ascii", NO_COLOR="1", STATE_DIR=str(state))
    argv = [*DEVSTACK, "run", "--only-servers"]
    with said.open("w") as stderr:
        process = subprocess.Popen(
            argv, cwd=ROOT, env=environment, stdout=stdout, stderr=stderr, text=True, start_new_session=True
        )
    try:
        _await(process, state / "environment.json")
        time.sleep(STAYS_S)
        assert process.poll() is None
        yield process, said
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(20)


def _await(process: "subprocess.Popen[str]", file: Path) -> None:
    ends_at = time.monotonic() + 30
    while not file.exists() or not json.loads(file.read_text()):
        assert (process.poll(), time.monotonic() < ends_at) == (None, True)
        time.sleep(0.05)


def test_a_line_that_the_terminal_cannot_show_is_shown_as_far_as_it_can_be() -> None:
    """A UnicodeEncodeError was taken for a closed pipe, and `make run` ended with exit code 0 and no word."""
    code = (
        "import sys; from orderengine.output import show_everything; show_everything()\n"
        "from orderengine.devstack.console import Console; console = Console()\n"
        "console.relay('web', '1 SOL \\u2192 2 USDC \\U0001f600 \\udc80'); console.say('next')"
    )
    ran = run([sys.executable, "-c", code])

    expected = "web      | 1 SOL \\u2192 2 USDC \\ud83d\\ude00 \\udc80\nengine   | next\n"
    assert (ran.stdout, ran.stderr, ran.returncode) == (expected, "", 0)


@pytest.mark.system
def test_an_engine_on_an_ascii_terminal_stays(state: Path) -> None:
    shown = state / "shown"
    with shown.open("w") as stdout, engine(state, stdout) as (process, said):
        pass

    assert "The servers are up" in shown.read_text()
    assert (said.read_text(), process.returncode) == ("", 0)


@pytest.mark.system
def test_an_engine_whose_reader_goes_away_goes_on_and_says_so(state: Path) -> None:
    """As with `make run | head`: a reader of logs that dies must not take an engine that trades with it."""
    reader, writer = os.pipe()
    os.close(reader)
    with engine(state, writer) as (process, said):
        os.close(writer)

    expected = f"engine: the reader of the output has gone. The engine goes on; to end it: kill {process.pid}\n"
    assert (said.read_text(), process.returncode) == (expected, 0)


@pytest.mark.system
def test_an_engine_whose_output_finds_no_room_goes_on(state: Path) -> None:
    with open("/dev/full", "w") as full, engine(state, full) as (process, said):
        pass

    expected = "engine: output cannot be written (No space left on device); the engine goes on\n"
    assert (said.read_text(), process.returncode) == (expected, 0)


def test_a_line_that_a_thread_relays_at_the_very_end_is_no_error_of_the_exit() -> None:
    code = (
        "import sys; from orderengine.devstack.console import Console; console = Console()\n"
        "console.say('lost'); console.close(); console.relay('web', 'late'); sys.stdout.write('unwritten')"
    )
    with open("/dev/full", "w") as full:
        ran = run([sys.executable, "-c", code], stdout=full)

    expected = "engine: output cannot be written (No space left on device); the engine goes on\n"
    assert (ran.stderr, ran.returncode) == (expected, 0)


def test_solve_answers_in_ascii_too() -> None:
    ran, whole = run(SOLVE), run(SOLVE, "utf-8")

    assert (ran.returncode, len(ran.stdout.splitlines())) == (0, len(whole.stdout.splitlines())), ran.stderr
    assert [json.loads(line) for line in ran.stdout.splitlines()]


def test_a_name_that_ascii_lacks_is_escaped_as_json_has_it(tmp_path: Path) -> None:
    document = json.loads((ROOT / "docs/examples/two-pools.json").read_text())
    for case in document["cases"]:
        case["id"] = f"Zürich → 😀 {case['id']}"
    file = tmp_path / "problem.json"
    file.write_text(json.dumps(document))

    ran = run([*SOLVE[:3], str(file)])

    assert ran.returncode == 0, ran.stderr
    assert [json.loads(line)["id"] for line in ran.stdout.splitlines()] == [case["id"] for case in document["cases"]]


def test_a_command_whose_output_finds_no_room_says_so() -> None:
    with open("/dev/full", "w") as full:
        ran = run([*SOLVE[:2], "version"], stdout=full)

    expected = "error: the output cannot be written (No space left on device); what the command was to do is done\n"
    assert (ran.returncode, ran.stderr) == (1, expected)


def test_a_console_on_a_closed_stream_raises_nothing(tmp_path: Path) -> None:
    stream = (tmp_path / "out").open("w")
    console = Console(stream)
    stream.close()

    console.say("a")
    console.banner("b")
