"""`make mutants`: applies each mutation to a copy of the sources and runs the check that must notice it.

First the checks run on an unchanged copy, where they must pass. Exit code 1 when one survives or cannot be applied.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from orderengine.chaos.mutations import MUTANTS, Mutant
from orderengine.chaos.stack import ROOT
from orderengine.output import show_everything

# pytest's, and that of `make chaos`, for a check that has failed; any other code is no verdict.
FAILED = 1
CHECK_LIMIT_S = 900


class NotApplied(Exception):
    """The source is not as the mutation expects it."""


def main() -> int:
    """Try every mutant, or those named; return the exit code."""
    show_everything()
    parser = argparse.ArgumentParser(prog="mutants", description=__doc__)
    parser.add_argument("names", nargs="*", help="parts of names; all without any")
    parser.add_argument("--no-baseline", action="store_true", help="do not run the checks on the unchanged sources")
    options = parser.parse_args()
    chosen = [m for m in MUTANTS if not options.names or any(name in m.name for name in options.names)]
    if not options.no_baseline and not _baseline(chosen):
        return 1
    lines = []
    for mutant in chosen:
        lines.append((mutant.name, *_try(mutant)))
        _say(f"{mutant.name}: {lines[-1][1]} ({lines[-1][2]:.0f} s)")
    _print([("mutant", "noticed by", "seconds"), *((name, how, f"{took:.0f}") for name, how, took, _ in lines)])
    return 0 if all(is_caught for *_, is_caught in lines) else 1


def _baseline(chosen: list[Mutant]) -> bool:
    with tempfile.TemporaryDirectory(prefix="orderengine-mutant-") as directory:
        copy = _copy(Path(directory))
        for check in dict.fromkeys(mutant.caught_by for mutant in chosen if not _missing(mutant)):
            _say(f"unchanged: {' '.join(check)}")
            code, tail = _run(check, copy)
            if code:
                _say(f"fails without any mutant (exit code {code}), so it proves nothing:\n{tail}")
                return False
    return True


def _try(mutant: Mutant) -> tuple[str, float, bool]:
    """What noticed it, the seconds that took, and whether anything did."""
    started_at = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="orderengine-mutant-") as directory:
        copy = _copy(Path(directory))
        try:
            apply(mutant, copy)
        except NotApplied as error:
            return f"NOT APPLIED: {error}", 0.0, False
        code, tail = _run(mutant.caught_by, copy)
    took = time.monotonic() - started_at
    if code == FAILED:
        return _first_sign(tail) or " ".join(mutant.caught_by), took, True
    _say(tail)
    return ("SURVIVED " if code == 0 else f"NO VERDICT, exit code {code}: ") + " ".join(mutant.caught_by), took, False


def apply(mutant: Mutant, root: Path) -> None:
    """Edit the sources below `root`. Raises: NotApplied when a text is not there exactly once."""
    for edit in mutant.edits:
        file = root / edit.file
        if not file.exists():
            raise NotApplied(f"there is no {edit.file}")
        text = file.read_text(encoding="utf-8")
        if text.count(edit.old) != 1:
            raise NotApplied(f"{edit.file} holds {text.count(edit.old)} times: {edit.old.strip()[:60]!r}")
        file.write_text(text.replace(edit.old, edit.new), encoding="utf-8")


def _missing(mutant: Mutant) -> bool:
    return not all((ROOT / edit.file).exists() for edit in mutant.edits)


def _copy(target: Path) -> Path:
    listed = subprocess.run(["git", "ls-files", "-co", "--exclude-standard", "-z"], cwd=ROOT, capture_output=True)
    for name in filter(None, listed.stdout.decode().split("\0")):
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, target / name)
    target.chmod(0o755)
    return target


def _run(check: tuple[str, ...], root: Path) -> tuple[int, str]:
    """Exit code of a check on these sources, and the end of what it said."""
    kind, *arguments = check
    if kind == "chaos":
        argv = [sys.executable, "-m", "orderengine.chaos", *arguments]
    else:
        pytest = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", *arguments]
        argv = [sys.executable, "-m", "orderengine.devstack", "with-servers", "--", *pytest]
    environment = os.environ | {"PYTHONDONTWRITEBYTECODE": "1"}
    try:
        done = subprocess.run(
            argv, cwd=root, env=environment, capture_output=True, text=True, timeout=CHECK_LIMIT_S, check=False
        )
    except subprocess.TimeoutExpired:
        return -1, f"no end after {CHECK_LIMIT_S} s"
    if kind == "chaos" and done.returncode == FAILED and not done.stdout.startswith("{"):
        return -1, done.stderr[-2000:]
    return done.returncode, (done.stdout + done.stderr)[-6000:]


def _first_sign(tail: str) -> str | None:
    """The failed test, or the broken promise."""
    for line in tail.splitlines():
        if line.startswith("FAILED "):
            return line.split(" - ")[0].removeprefix("FAILED ")
        if "BROKEN " in line:
            return "chaos: " + line.partition("BROKEN ")[2].partition(":")[0]
    return None


def _print(lines: list[tuple[str, str, str]]) -> None:
    widths = [max(len(line[column]) for line in lines) for column in range(3)]
    for line in lines:
        sys.stdout.write("  ".join(text.ljust(width) for text, width in zip(line, widths, strict=True)).rstrip() + "\n")


def _say(line: str) -> None:
    sys.stderr.write(f"mutants | {line}\n")
    sys.stderr.flush()


if __name__ == "__main__":
    sys.exit(main())
