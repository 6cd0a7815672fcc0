"""Sizes that keep the tree readable: modules in a folder, lines in a module. Ends with exit code 1 beyond them."""

import subprocess
import sys
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
# Modules that lie flat in `orders`, where features meet; in any other folder.
MOST_IN_ORDERS, MOST_IN_FOLDER = 20, 24
MOST_LINES, MOST_TEST_LINES = 300, 500
# Of migrations there are more each month, and what a generator writes is read by few.
LEFT_OUT = {"migrations", "generated"}


def main() -> int:
    """Count what git tracks."""
    listed = subprocess.run(["git", "ls-files", "*.py"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    paths = [path for path in map(Path, listed.split()) if not LEFT_OUT & {*path.parts} and (ROOT / path).exists()]
    wrong = []
    for folder, count in Counter(path.parent for path in paths).items():
        most = MOST_IN_ORDERS if folder == Path("orders") else MOST_IN_FOLDER
        if count > most:
            wrong.append(f"{folder}/ has {count} modules, of {most} at most: group what belongs together")
    for path in paths:
        most = MOST_TEST_LINES if "tests" in path.parts else MOST_LINES
        lines = len((ROOT / path).read_text(encoding="utf-8").splitlines())
        if lines > most:
            wrong.append(f"{path} has {lines} lines, of {most} at most: split it by what changes together")
    for line in wrong:
        print(f"error: {line}", file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
