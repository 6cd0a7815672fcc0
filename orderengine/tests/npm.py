"""Packages of npm that tools use: installed by `npm ci` beside a lock, once for each state of it."""

import hashlib
import shutil
import subprocess
from pathlib import Path

# No script of any package runs, and nothing but what the lock names is installed.
NPM = ("npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error")
LOCKED = ("package.json", "package-lock.json", ".npmrc")


class NpmError(Exception):
    """They cannot be installed; the message says why."""


def install(sources: Path, folder: Path) -> Path:
    """Copy `sources` into the folder and install what their lock names, unless that is there. Raises: NpmError."""
    folder.mkdir(parents=True, exist_ok=True)
    wanted = hashlib.sha256(b"".join((sources / name).read_bytes() for name in LOCKED)).hexdigest()
    stamp = folder / "installed"
    for source in sources.iterdir():
        shutil.copy(source, folder / source.name)
    if not stamp.is_file() or stamp.read_text() != wanted:
        if shutil.which("npm") is None or shutil.which("node") is None:
            raise NpmError("Node.js 20.18 or newer with npm is not on this machine")
        stamp.unlink(missing_ok=True)
        done = subprocess.run(NPM, cwd=folder, capture_output=True, text=True)
        if done.returncode:
            raise NpmError(f"npm could not install: {(done.stderr or done.stdout).strip()[-500:]}")
        stamp.write_text(wanted)
    return folder
