"""What `.ci/run` says of its parts: 0 where all of them passed, and something else where one failed."""

import subprocess
from pathlib import Path

import pytest

from orderengine.tests.engines import ROOT

SCRIPT = (ROOT / ".ci" / "run").read_text()


@pytest.mark.parametrize(
    ("parts", "has_failed"),
    [
        ('together 2 "true" "echo said"', False),
        ('together 2 "true" "false"', True),
        ('together 2 "true"; again', False),
    ],
)
def test_ci_fails_where_a_part_fails_and_nowhere_else(tmp_path: Path, parts: str, has_failed: bool) -> None:
    functions = SCRIPT[: SCRIPT.index("make setup-dev")]
    script = tmp_path / ".ci" / "run"
    script.parent.mkdir()
    script.write_text(f"{functions}\n{parts}\n")

    ran = subprocess.run(["bash", script], capture_output=True, text=True)

    assert (ran.returncode != 0) is has_failed, ran.stderr
    assert ("error: failed: false" in ran.stdout) is has_failed
