"""What outlives one run: the state directory with its lock, secrets, chosen ports and list of processes."""

import fcntl
import json
import os
import secrets
import time
from pathlib import Path
from typing import IO, Any

from orderengine.environment.state_files import is_alive, read_table
from orderengine.refusal import Refusal

# A supervisor that was killed leaves a guard, which needs up to eight seconds to end everything.
GUARD_PATIENCE_S = 12.0


class State:
    """A directory only one supervisor may use at a time. Files with secrets are readable by their owner alone."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        try:
            directory.mkdir(mode=0o711, parents=True, exist_ok=True)
            self.lock_file: IO[str] = open(directory / "lock", "a+", encoding="ascii")  # noqa: SIM115 - held for life
        except OSError as error:
            raise Refusal(
                f"The state directory {directory} cannot be used: {error.strerror}.",
                "run as its owner, or choose another one: STATE_DIR=/some/where make run",
            ) from error

    def lock(self) -> None:
        """Take the directory. Raises: Refusal while another supervisor has it."""
        deadline = time.monotonic() + GUARD_PATIENCE_S
        while not self._try_lock():
            holder = self.supervisor()
            if holder or time.monotonic() > deadline:
                raise Refusal(
                    f"An engine runs already on {self.directory} (process {holder}).",
                    "use that one, or stop it, or start another: STATE_DIR=/some/where PORT=3001 make run",
                )
            time.sleep(0.1)
        if left := self.left_over():
            raise Refusal(
                f"Processes of an engine that was killed still run on {self.directory}: {', '.join(left)}.",
                f"end them, and start again some seconds later: kill {' '.join(map(str, left.values()))}",
            )

    def left_over(self) -> dict[str, int]:
        """What was started on this state and has outlived both supervisor and guard. A number may be another's now."""
        own = str(self.directory.absolute())
        return {name: pid for name, pid in self.read("processes").items() if name != "supervisor" and _is_of(pid, own)}

    def _try_lock(self) -> bool:
        try:
            fcntl.flock(self.lock_file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def supervisor(self) -> int:
        """The process id of the supervisor that runs on this state, 0 when there is none."""
        pid = int(self.read("processes").get("supervisor", 0))
        return pid if is_alive(pid) else 0

    def read(self, name: str) -> dict[str, Any]:
        return read_table(self.directory, name)

    def forget(self, name: str) -> None:
        """Have nothing remembered under this name, also where nothing can be written any more."""
        try:
            self.write(name, {})
        except OSError:
            (self.directory / f"{name}.json").unlink(missing_ok=True)

    def write(self, name: str, table: dict[str, Any]) -> None:
        """Remember a table; a reader sees the old or the new one, never half of it."""
        fresh = self.directory / f"{name}.json.new"
        fresh.touch(mode=0o600)
        fresh.write_text(json.dumps(table), encoding="utf-8")
        fresh.replace(self.directory / f"{name}.json")


def secret(path: Path) -> str:
    """The random secret kept in this file, made at first use."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return path.read_text(encoding="ascii").strip()
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(secrets.token_urlsafe(32) + "\n")
    return path.read_text(encoding="ascii").strip()


def _is_of(pid: int, directory: str) -> bool:
    """Whether a process works on this state: by its environment, or by where it stands. Known on Linux alone."""
    process = Path("/proc") / str(pid)
    try:
        if f"STATE_DIR={directory}".encode() in (process / "environ").read_bytes().split(b"\0"):
            return True
        return Path(directory) in (process / "cwd").readlink().parents
    except OSError:
        return False
