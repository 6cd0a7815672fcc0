"""Follows a page of the documentation to the letter: applies its code blocks to a copy of the sources, runs its tests.

Three kinds of fenced blocks are steps, by their info string; all others are illustrations:

- ```` ```python <path> ```` (any language): the block is the file. It must not exist yet.
- ```` ```diff <path> ````: one change. Lines with `-` and without a sign must stand in the file in this
  order, once; lines with `+` are added.
- ```` ```sh ````: commands. `make test ARGS="..."` runs pytest with these arguments.
"""

import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]
COPIED = ("dex", "orders", "orderengine", "docs", "conftest.py", "manage.py", "pyproject.toml", "pytest.ini")

_FENCE = re.compile(r"^```(\w+)(?: (\S+))?\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_TEST = re.compile(r'make test ARGS="([^"]+)"')


class PageError(Exception):
    """A page that cannot be followed; the message names the file and what is wrong."""


class Step(NamedTuple):
    """One fenced block. `path` is of the file that it writes or changes; None for commands."""

    language: str
    path: str | None
    text: str


def steps_of(page: Path) -> list[Step]:
    """The steps of a page, in their order."""
    blocks = (Step(*match) for match in _FENCE.findall(page.read_text()))
    return [block._replace(path=block.path or None) for block in blocks if block.path or block.language == "sh"]


def follow(page: Path, tree: Path) -> list[str]:
    """Copy the sources to `tree` and do there what the page says; what its commands wrote, one text for each.

    Raises: PageError for a change that does not fit or a command that fails.
    """
    copy_sources(tree)
    written = []
    for step in steps_of(page):
        if step.path is None:
            written += [_run(command, tree) for command in step.text.splitlines()]
        else:
            _write(step, tree / step.path)
    return written


def copy_sources(tree: Path) -> None:
    """Copy what tests need, without caches and installed packages."""
    unwanted = shutil.ignore_patterns("__pycache__", "node_modules", ".chain", ".state*")
    for name in COPIED:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, tree / name, ignore=unwanted)
        else:
            shutil.copy(ROOT / name, tree)


def _write(step: Step, path: Path) -> None:
    if step.language == "diff":
        path.write_text(_changed(path.read_text(), step))
        return
    if path.exists():
        raise PageError(f"{step.path} exists already")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(step.text)


def _changed(text: str, step: Step) -> str:
    lines = step.text.splitlines(keepends=True)
    before = "".join(line[1:] for line in lines if line[0] in " -")
    after = "".join(line[1:] for line in lines if line[0] in " +")
    if (found := text.count(before)) != 1:
        raise PageError(f"{step.path} has these lines {found} times:\n{before}")
    return text.replace(before, after)


def _run(command: str, tree: Path) -> str:
    match = _TEST.fullmatch(command)
    if match is None:
        raise PageError(f"only `make test` can be followed, not: {command}")
    pytest = [sys.executable, "-m", "pytest", *shlex.split(match[1])]
    done = subprocess.run(pytest, cwd=tree, capture_output=True, text=True, check=False, timeout=300)  # noqa: S603
    if done.returncode:
        raise PageError(f"{command} ended with {done.returncode}:\n{done.stdout[-4000:]}\n{done.stderr[-4000:]}")
    return done.stdout
