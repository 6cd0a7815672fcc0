"""`manage.py solve` as users run it: a process without database, Redis or settings of its own."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from orders.cli.solving import case_ids_of, file_names, read_document

ROOT = Path(__file__).resolve().parents[3]
EXAMPLE = ROOT / "docs/examples/two-pools.json"
CASES = ["sell-100-sol", "buy-15000-usdc", "sell-60-sol-at-a-cost"]


@pytest.fixture(autouse=True)
def quiet_redis() -> None:
    """Nothing here touches Redis."""


def solve(*arguments: object, stdin: str | None = None) -> subprocess.CompletedProcess[str]:
    """Run the command with an environment that names no server."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("DATABASE", "REDIS"))}
    for name in ("SECRET_KEY", "DEBUG", "STATE_DIR", "DJANGO_SETTINGS_MODULE"):
        environment.pop(name, None)
    command = [sys.executable, "manage.py", "solve", *map(str, arguments)]
    return subprocess.run(
        command, cwd=ROOT, env=environment, input=stdin, capture_output=True, text=True, timeout=120, check=False
    )


def lines(done: subprocess.CompletedProcess[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in done.stdout.splitlines()]


def with_bad_case(tmp_path: Path) -> Path:
    document = json.loads(EXAMPLE.read_text())
    document["cases"].insert(1, {**document["cases"][0], "id": "bad", "amount": "lots"})
    file = tmp_path / "problems.json"
    file.write_text(json.dumps(document))
    return file


def test_every_case_is_a_line_in_the_order_of_the_file(tmp_path: Path) -> None:
    done = solve(EXAMPLE, "--svg", tmp_path / "new" / "pictures")

    assert (done.returncode, done.stderr) == (0, "")
    assert [line["id"] for line in lines(done)] == CASES
    pictures = sorted((tmp_path / "new" / "pictures").iterdir())
    assert [picture.name for picture in pictures] == sorted(f"{case_id}.svg" for case_id in CASES)
    for picture in pictures:
        assert ElementTree.fromstring(picture.read_text(encoding="utf-8")).tag.endswith("svg")


def test_the_command_on_the_page_about_costs_draws_the_pictures_there(tmp_path: Path) -> None:
    page = (ROOT / "docs/routing.md").read_text(encoding="utf-8")
    found = re.search(r"manage\.py solve (docs/examples/\S+) --svg (docs/images)\n", page)
    assert found

    done = solve(found[1], "--svg", tmp_path)

    assert (done.returncode, done.stderr) == (0, "")
    assert {picture.name for picture in tmp_path.iterdir()} == {
        picture.name for picture in (ROOT / found[2]).glob("*-usd-*.svg")
    }


def test_case_that_fails_is_told_and_the_others_go_on(tmp_path: Path) -> None:
    done = solve(with_bad_case(tmp_path), "--jobs", 2)

    assert done.returncode == 1
    assert done.stderr.strip() == "CommandError: 1 of 4 cases have no route"
    found = lines(done)
    assert [line["id"] for line in found] == [CASES[0], "bad", *CASES[1:]]
    assert found[1] == {"id": "bad", "error": "case bad: amount must be a whole number from 1, not 'lots'"}
    assert ["error" in line for line in found] == [False, True, False, False]


def test_cases_can_be_chosen_and_standard_input_is_a_file(tmp_path: Path) -> None:
    text = with_bad_case(tmp_path).read_text()

    done = solve("-", "--case", CASES[2], "--case", CASES[0], "--case", "bad", "--limit", 1, stdin=text)

    assert done.returncode == 0
    assert [line["id"] for line in lines(done)] == [CASES[0]]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["nowhere.json"], "CommandError: nowhere.json cannot be read: No such file or directory"),
        ([EXAMPLE, "--jobs", "0"], "argument --jobs: 0 is not above 0"),
        ([EXAMPLE, "--svg", "manage.py"], "CommandError: manage.py cannot be made: File exists"),
    ],
)
def test_what_cannot_be_done_ends_with_two_and_a_sentence(arguments: list[object], words: str) -> None:
    done = solve(*arguments)

    assert (done.returncode, done.stdout) == (2, "")
    assert words in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("{", "is no JSON: "),
        ("", "is no JSON: "),
        ("[" * 100_000, "is nested too deeply"),
        ("[]", "file: it must be an object, not "),
        ('{"schema": "routing-cases/9"}', "file: schema must be 'routing-cases/1', not 'routing-cases/9'"),
        (EXAMPLE.read_text(), "there is no case nowhere"),
    ],
)
def test_what_is_no_file_of_problems_is_refused_in_a_sentence(tmp_path: Path, content: str, words: str) -> None:
    file = tmp_path / "problems.json"
    file.write_text(content)

    with pytest.raises(ValueError, match=words):
        case_ids_of(read_document(str(file)), ["nowhere"], None)


def test_help_says_what_the_lines_mean() -> None:
    done = solve("--help")

    assert done.returncode == 0
    page = (ROOT / "docs/solving.md").read_text(encoding="utf-8")
    for option in ("--case", "--limit", "--jobs", "--svg", "--deadline-ms"):
        assert option in done.stdout
        assert f"| `{option} " in page
    for word in ("gap_bps", "upper_bound", "lower_bound", "net_out", "exit codes"):
        assert word in done.stdout


def test_names_of_pictures_are_harmless_and_distinct() -> None:
    names = file_names(["a/../b", "../../etc/passwd", "A", "a", "", "…", "x" * 300])

    assert list(names.values())[:6] == ["a_.._b", "_.._etc_passwd", "A", "a-2", "_", "_-2"]
    assert len(names["x" * 300]) == 100
