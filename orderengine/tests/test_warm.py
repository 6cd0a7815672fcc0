"""A program that is run as a fork does what it does as a process."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from orderengine.tests.warm import run_warm

PROGRAM = """
import atexit, os, sys
atexit.register(print, "at the end")
print(sys.argv, os.getcwd(), sorted(os.environ.items()), __name__, sys.stdin.read())
print([name for name in sys.modules if name.partition(".")[0] in ("orderengine", "orders", "dex")])
import beside
sys.stderr.write("error\\n")
sys.exit(CODE)
"""


@pytest.mark.parametrize("code", ["0", "7", "'a sentence'", "None"])
@pytest.mark.parametrize("kind", ["-c", "-m", "file"])
def test_a_fork_is_as_good_as_a_process(tmp_path: Path, kind: str, code: str) -> None:
    (tmp_path / "beside.py").write_text("print('beside')")
    (tmp_path / "program.py").write_text(text := PROGRAM.replace("CODE", code))
    argv = {"-c": ["-c", text], "-m": ["-m", "program"], "file": ["program.py"]}[kind] + ["one", "--two"]
    environment = {"PATH": os.environ["PATH"], "NAME": "value", "LC_CTYPE": "C.UTF-8"}

    warm = run_warm(*argv, cwd=tmp_path, environment=environment)
    cold = subprocess.run(
        [sys.executable, *argv],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        check=False,
    )

    assert (warm.stdout, warm.stderr, warm.returncode) == (cold.stdout, cold.stderr, cold.returncode)


def test_what_takes_too_long_is_ended_and_the_next_one_runs(tmp_path: Path) -> None:
    with pytest.raises(subprocess.TimeoutExpired):
        run_warm("-c", "import time; time.sleep(60)", cwd=tmp_path, environment={}, timeout_s=0.2)

    assert run_warm("-c", "print(1)", cwd=tmp_path, environment={}).stdout == "1\n"
