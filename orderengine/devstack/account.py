"""Which user a database server runs as: PostgreSQL refuses root, and no account is ever made for it."""

import os
import pwd
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from orderengine.refusal import Refusal

CANDIDATES = ("postgres", "nobody")


@dataclass(frozen=True, slots=True)
class Account:
    """A system user that root hands a process to."""

    name: str
    uid: int
    gid: int

    def popen(self) -> dict[str, Any]:
        """Arguments of `subprocess` that start a process as this user, without root's groups."""
        return {"user": self.uid, "group": self.gid, "extra_groups": []}


def server_account(data: Path) -> Account | None:
    """The account for the server whose files are in `data`: None (ourselves) unless we are root."""
    if os.geteuid() != 0:
        return None
    if data.exists() and data.stat().st_uid != 0:
        return _account(pwd.getpwuid(data.stat().st_uid))
    for name in CANDIDATES:
        try:
            return _account(pwd.getpwnam(name))
        except KeyError:
            continue
    raise Refusal(
        "PostgreSQL refuses to run as root, and this machine has neither a `postgres` nor a `nobody` account.",
        "run `make run` as an ordinary user, or set DATABASE_URL.",
    )


def can_reach(account: Account | None, path: Path) -> bool:
    """Whether `account` can enter or execute `path`. Asked by trying: modes alone miss ACLs and mount options."""
    if account is None:
        return os.access(path, os.X_OK)
    asked = ["/bin/sh", "-c", 'test -x "$1"', "sh", str(path)]
    try:
        return subprocess.run(asked, cwd="/", **account.popen()).returncode == 0
    except PermissionError as error:
        raise Refusal(
            f"PostgreSQL refuses to run as root, and this process may not become `{account.name}`.",
            "run `make run` as an ordinary user, or set DATABASE_URL.",
        ) from error


def _account(entry: pwd.struct_passwd) -> Account:
    return Account(entry.pw_name, entry.pw_uid, entry.pw_gid)
