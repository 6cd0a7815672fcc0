"""One local chain per folder: a lock while it runs, and the end of a node that a killed supervisor left behind."""

import contextlib
import fcntl
import subprocess
from collections.abc import Iterator
from pathlib import Path

from dex.chains.evm.local.guard import end_group
from dex.chains.evm.local.install import LocalChainError


@contextlib.contextmanager
def owned(folder: Path) -> Iterator[Path]:
    """Hold the folder; the file in which to note the node's process id. Raises: LocalChainError when it is held."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "running.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise LocalChainError(
                f"a local chain runs already on {folder}: stop it first, or use another folder (--folder)"
            ) from error
        noted = folder / "node.pid"
        _end_orphan(noted, folder)
        try:
            yield noted
        finally:
            noted.unlink(missing_ok=True)


def _end_orphan(noted: Path, folder: Path) -> None:
    """End the node that the last supervisor noted, if it lives on; never a stranger that has its number now."""
    try:
        process = int(noted.read_text())
    except (OSError, ValueError):
        return
    if str(folder / "state.json") in _command_line(process):
        end_group(process)


def _command_line(process: int) -> str:
    """How a process was started; empty where there is none of this number."""
    try:
        return Path(f"/proc/{process}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    except OSError:
        pass
    try:
        asked = subprocess.run(  # noqa: S603 - a number, no text of anyone
            ["ps", "-o", "args=", "-p", str(process)],  # noqa: S607
            capture_output=True,
            text=True,
            check=False,
        )
    except OSError:
        return ""
    return asked.stdout
