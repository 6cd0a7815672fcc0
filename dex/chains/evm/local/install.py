"""Installs the node and the compiled contracts beside the code, once, by npm."""

import fcntl
import hashlib
import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import IO

from dex.chains.evm.local.guard import end_group_of

HERE = Path(__file__).parent
FILES = ("package.json", "package-lock.json")
FOLDER = HERE.parents[3] / ".chain"
POLL_S = 0.1
# No script of any package runs, and nothing but what the lock names is installed.
NPM = ("npm", "ci", "--ignore-scripts", "--legacy-peer-deps", "--no-audit", "--no-fund", "--loglevel=error")


class LocalChainError(Exception):
    """The local chain cannot be made; the message says what is missing."""


def has_npm() -> bool:
    """Whether npm is on this machine."""
    return shutil.which("npm") is not None


def install(folder: Path = FOLDER, is_asked_to_end: Callable[[], bool] = lambda: False) -> Path:
    """The folder with `node_modules`, installed unless it is there already. Raises: LocalChainError.

    One process at a time: others that want it meanwhile wait. All waits end when `is_asked_to_end`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        while not _is_locked(lock):
            _go_on(is_asked_to_end)
        _install(folder, lock.fileno(), is_asked_to_end)
    return folder


def _is_locked(lock: IO[str]) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _go_on(is_asked_to_end: Callable[[], bool]) -> None:
    """Wait for a moment. Raises: LocalChainError."""
    if is_asked_to_end():
        raise LocalChainError("it was asked to end before it was installed")
    time.sleep(POLL_S)


def _install(folder: Path, lock: int, is_asked_to_end: Callable[[], bool]) -> None:
    wanted = hashlib.sha256(b"".join((HERE / name).read_bytes() for name in FILES)).hexdigest()
    stamp = folder / "installed"
    if stamp.is_file() and stamp.read_text() == wanted:
        return
    if not has_npm():
        raise LocalChainError("the local chain needs Node.js with npm, and npm is not on this machine")
    for name in FILES:
        shutil.copy(HERE / name, folder / name)
    with (folder / "npm.log").open("w+b") as said:
        # In a session of its own, so that it ends with all that it starts; should this process be killed, it keeps
        # the lock until it has ended.
        npm = subprocess.Popen(  # noqa: S603
            NPM, cwd=folder, stdout=said, stderr=said, start_new_session=True, pass_fds=[lock]
        )
        try:
            while npm.poll() is None:
                _go_on(is_asked_to_end)
        finally:
            if npm.poll() is None:
                end_group_of(npm)
        said.seek(0)
        words = said.read().decode(errors="replace").strip()
    if npm.returncode:
        raise LocalChainError(f"npm could not install the local chain: {words[-500:]}")
    stamp.write_text(wanted)


def anvil_of(folder: Path) -> Path:
    """The node's binary for this machine. Raises: LocalChainError."""
    for found in sorted(folder.glob("node_modules/@foundry-rs/anvil-*/bin/anvil")):
        return found
    raise LocalChainError("there is no anvil for this kind of machine among its npm packages")
