"""What `pytest --fast` runs follows from what each test uses."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
HELPER = "import subprocess\ndef start(): return subprocess.run(['true'])\n"
FILES = {
    "tests/helper.py": HELPER,
    "tests/test_whole_file.py": """
        import pytest
        pytestmark = [pytest.mark.slow, pytest.mark.django_db]
        raise LookupError("this file was loaded")
        """,
    "tests/test_by_helper.py": """
        from tests.helper import start
        def test_starts_a_process(): start()
        """,
    "tests/test_sample.py": """
        import importlib
        import pytest
        from hypothesis import given, strategies
        @pytest.fixture
        def local_node(): pass
        def test_calculates(): assert 1 + 1 == 2
        @pytest.mark.parametrize("n", range(100), ids=[f"case {n}" for n in range(100)])
        def test_has_many_cases(n): assert n < 100
        @pytest.mark.system
        def test_is_marked(): pass
        @pytest.mark.slow
        def test_is_slow(): pass
        def test_asks_for_a_node(local_node): pass
        @given(strategies.integers())
        def test_is_a_property(n): pass
        def test_connects_unseen():
            importlib.import_module("socket").create_connection(("127.0.0.1", 1))
        """,
}


@pytest.fixture
def sample(tmp_path: Path) -> Path:
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(re.sub(r"^ {8}", "", text, flags=re.MULTILINE))
    (tmp_path / "tests/__init__.py").touch()
    return tmp_path


def run(sample: Path, *options: str) -> tuple[str, dict[str, list[str]]]:
    """What pytest says, and the tests by outcome."""
    command = [sys.executable, "-m", "pytest", "-q", "-rA", "-p", "orderengine.tests.selection", "-p", "no:randomly"]
    environment = {name: value for name, value in os.environ.items() if name != "DJANGO_SETTINGS_MODULE"}
    environment |= {"PYTHONPATH": str(ROOT), "DEBUG": "1", "DATABASE_URL": "postgresql://nowhere.invalid/none"}
    done = subprocess.run(
        [*command, *options], cwd=sample, env=environment, capture_output=True, text=True, check=False
    )
    outcomes: dict[str, list[str]] = {}
    for outcome, test in re.findall(
        r"^(PASSED|FAILED|ERROR) tests/\S*?::([^\n]*?)(?: - .*)?$", done.stdout, re.MULTILINE
    ):
        outcomes.setdefault(outcome, []).append(test)
    return done.stdout, outcomes


def test_a_fast_run_leaves_out_what_needs_services_or_takes_long(sample: Path) -> None:
    said, outcomes = run(sample, "--fast")

    cases = [f"test_has_many_cases[case {n}]" for n in (0, 14, 28, 42, 57, 71, 85, 99)]
    assert outcomes == {"PASSED": ["test_calculates", *cases], "FAILED": ["test_connects_unseen"]}, said
    assert "SocketBlockedError" in said
    assert "fast: 10 tests." in said


def test_every_run_marks_what_needs_services(sample: Path) -> None:
    (sample / "tests/test_whole_file.py").unlink()

    said, outcomes = run(sample, "-m", "services")

    assert sorted(outcomes["PASSED"]) == ["test_asks_for_a_node", "test_is_marked", "test_starts_a_process"], said
    assert set(outcomes) == {"PASSED"}
