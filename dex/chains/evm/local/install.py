"""Installs the node and the compiled contracts beside the code, once, by npm."""

import fcntl
import hashlib
import shutil
import subprocess
from pathlib import Path

HERE = Path(__file__).parent
FILES = ("package.json", "package-lock.json")
FOLDER = HERE.parents[3] / ".chain"
# No script of any package runs, and nothing but what the lock names is installed.
NPM = ("npm", "ci", "--ignore-scripts", "--legacy-peer-deps", "--no-audit", "--no-fund", "--loglevel=error")


class LocalChainError(Exception):
    """The local chain cannot be made; the message says what is missing."""


def has_npm() -> bool:
    """Whether npm is on this machine."""
    return shutil.which("npm") is not None


def install(folder: Path = FOLDER) -> Path:
    """The folder with `node_modules`, installed unless it is there already. Raises: LocalChainError.

    One process at a time: others that want it meanwhile wait.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        _install(folder)
    return folder


def _install(folder: Path) -> None:
    wanted = hashlib.sha256(b"".join((HERE / name).read_bytes() for name in FILES)).hexdigest()
    stamp = folder / "installed"
    if stamp.is_file() and stamp.read_text() == wanted:
        return
    if not has_npm():
        raise LocalChainError("the local chain needs Node.js with npm, and npm is not on this machine")
    for name in FILES:
        shutil.copy(HERE / name, folder / name)
    done = subprocess.run(NPM, cwd=folder, check=False, capture_output=True, text=True)  # noqa: S603
    if done.returncode:
        raise LocalChainError(f"npm could not install the local chain: {done.stderr.strip()[-500:]}")
    stamp.write_text(wanted)


def anvil_of(folder: Path) -> Path:
    """The node's binary for this machine. Raises: LocalChainError."""
    for found in sorted(folder.glob("node_modules/@foundry-rs/anvil-*/bin/anvil")):
        return found
    raise LocalChainError("there is no anvil for this kind of machine among its npm packages")
