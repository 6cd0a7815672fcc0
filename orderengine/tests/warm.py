"""Runs Python programs as new processes do, without each of them loading the libraries: as forks of one that has.

That one has loaded what `orderengine/devstack/spare.py` names, none of our code and no settings; a fork gets arguments,
a directory, an environment and streams of its own. What a program loads, how it starts and what it says on a terminal
is tested with real processes. Runs itself as a plain file, `python -P warm.py`, and ends with its standard input.
"""

import functools
import gc
import importlib.util
import json
import os
import runpy
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

SPARE = Path(__file__).resolve().parents[1] / "devstack" / "spare.py"


class _Forks:
    """The process that has the libraries, and the pipes to it."""

    def __init__(self) -> None:
        # Bytecode of a checkout that was copied is kept, as on a developer's machine.
        environment = {name: value for name, value in os.environ.items() if name in {"PATH", "HOME", "LANG"}}
        self._turn = threading.Lock()
        self._process = subprocess.Popen(
            [sys.executable, "-P", __file__],
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def run(self, request: dict[str, Any], timeout_s: float) -> int:
        """The exit code of a fork that has done what is requested. Raises: TimeoutExpired."""
        assert self._process.stdin
        assert self._process.stdout
        with self._turn:
            end = threading.Timer(timeout_s, os.killpg, [self._process.pid, signal.SIGKILL])
            end.start()
            self._process.stdin.write(json.dumps(request) + "\n")
            self._process.stdin.flush()
            answer = self._process.stdout.readline()
            end.cancel()
        if not answer:
            _forks.cache_clear()
            raise subprocess.TimeoutExpired(request["argv"], timeout_s)
        return int(answer)


_forks = functools.cache(_Forks)


def run_warm(
    *argv: str, cwd: Path, environment: Mapping[str, str], timeout_s: float = 120
) -> "subprocess.CompletedProcess[str]":
    """As `subprocess.run([sys.executable, *argv])`, in an environment of these variables alone.

    `argv` begins with `-c` and code, with `-m` and a module, or with a file. Raises: TimeoutExpired.
    """
    with tempfile.NamedTemporaryFile("r") as out, tempfile.NamedTemporaryFile("r") as err:
        request = {
            "argv": argv,
            "cwd": str(cwd),
            "environment": dict(environment),
            "streams": [out.name, err.name],
        }
        code = _forks().run(request, timeout_s)
        return subprocess.CompletedProcess([sys.executable, *argv], code, out.read(), err.read())


def _load_libraries() -> None:
    found = importlib.util.spec_from_file_location("spare", SPARE)
    assert found
    assert found.loader
    spare = importlib.util.module_from_spec(found)
    found.loader.exec_module(spare)
    for module in ("celery", "orderengine.web"):
        spare.load_libraries(module)


def _become(argv: list[str], cwd: str, environment: dict[str, str], streams: list[str]) -> None:
    """Do what `python ARGV` does."""
    for number, name in enumerate([os.devnull, *streams]):
        opened = os.open(name, os.O_RDWR)
        os.dup2(opened, number)
        os.close(opened)
    os.chdir(cwd)
    os.environ.clear()
    os.environ.update(environment)
    kind, *words = argv
    if kind == "-c":
        code, *words = words
        sys.argv, sys.path[:0] = ["-c", *words], [""]
        main = vars(sys.modules["__main__"])
        main.clear()
        exec(compile(code, "<string>", "exec"), main | {"__name__": "__main__"})
    elif kind == "-m":
        sys.argv, sys.path[:0] = words, [cwd]
        runpy.run_module(words[0], run_name="__main__", alter_sys=True)
    else:
        sys.argv, sys.path[:0] = argv, [str(Path(kind).resolve().parent)]
        runpy.run_path(kind, run_name="__main__")


def _main() -> None:
    _load_libraries()
    gc.collect()
    gc.freeze()
    for line in sys.stdin:
        if (pid := os.fork()) == 0:
            _become(**json.loads(line))
            return
        _, status = os.waitpid(pid, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)


if __name__ == "__main__":
    _main()
