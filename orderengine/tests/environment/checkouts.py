"""A copy of the checkout of a test's own, with a `.env` of its own, and its processes."""

import json
import os
import re
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from orderengine.tests.warm import run_warm

if TYPE_CHECKING:
    import subprocess

ROOT = Path(__file__).resolve().parents[3]
# Whatever the test run itself was started with.
KEPT = ("PATH", "HOME", "LANG")
URL = "postgresql://user:password@127.0.0.1:5432/order_db"
CHILDREN_GET = """
import json, os, sys
from pathlib import Path
from orderengine.devstack.environment import derive, own_defaults
from orderengine.environment.reading import load
from orderengine.refusal import Refusal
root = Path.cwd()
try:
    reading = load(root)
    environment = reading.values | own_defaults(root, reading.values)
    derived = derive(root, environment, reading.empty)
except Refusal as refusal:
    sys.exit(str(refusal))
print(json.dumps([environment | derived.normalised(), derived.api_is_open, list(derived.notes)]))
"""


@dataclass(frozen=True, slots=True)
class Checkout:
    """A directory with `manage.py` and the packages, without their tests."""

    root: Path

    def write(self, text: str | bytes) -> None:
        """Its `.env`."""
        (self.root / ".env").write_bytes(text.encode() if isinstance(text, str) else text)

    def run(self, *argv: str, **environment: str) -> "subprocess.CompletedProcess[str]":
        """Run Python there, in an environment of these variables alone."""
        clean = {name: os.environ[name] for name in KEPT if name in os.environ}
        return run_warm(*argv, cwd=self.root, environment=clean | environment)

    def settings(self, **environment: str) -> dict[str, str]:
        """Every setting as a command reads it, by its `repr`."""
        shown = self.run("manage.py", "diffsettings", "--all", **environment)
        assert shown.returncode == 0, shown.stderr
        return dict(re.findall(r"^(?:### )?(\w+) = (.*?)(?:  ###)?$", shown.stdout, re.MULTILINE))

    def children(self, **environment: str) -> tuple[dict[str, str], bool, list[str]]:
        """What the supervisor gives its children, whether it calls the API open, and its notes."""
        asked = self.run("-c", CHILDREN_GET, **environment)
        assert asked.returncode == 0, asked.stderr
        given, is_open, notes = json.loads(asked.stdout)
        return given, is_open, notes

    def pretend_engine(self, state: str, **environment: str) -> None:
        """Leave the files of an engine whose supervisor is this very process."""
        directory = self.root / state
        directory.mkdir(exist_ok=True)
        (directory / "processes.json").write_text(json.dumps({"supervisor": os.getpid()}))
        (directory / "environment.json").write_text(json.dumps(environment))


def copy_checkout(root: Path) -> Checkout:
    """A fresh one in `root`."""
    for package in ("orderengine", "orders", "dex"):
        shutil.copytree(ROOT / package, root / package, ignore=shutil.ignore_patterns("tests", "__pycache__"))
    shutil.copy(ROOT / "manage.py", root / "manage.py")
    return Checkout(root)
