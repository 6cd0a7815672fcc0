"""Hot reload of `make dev`: a saved file of the code starts web, worker and beat again; the servers stay.

Code that does not compile is named and waited out, and the engine goes on with the code before. Templates and static
files need no restart: while DEBUG is on they are read at each use. A changed `.env` starts everything again, servers
included, and so does a change of the supervisor's own code.
"""

import importlib.util
from collections.abc import Callable
from pathlib import Path

from watchfiles import watch

from orderengine.devstack.bootstrap import OWN_PACKAGES
from orderengine.devstack.children import Children
from orderengine.devstack.keeper import Keeper

CODE = {".py", ".json"}
# Folders of files that web, worker and beat never load.
NOT_LOADED = {"tests", "chaos", "node_modules"}
SUPERVISOR = Path("orderengine", "devstack")
# Files saved within this time of each other cause one restart.
QUIET_MS = 100
TEND_EVERY_MS = 200
NAMES_SHOWN = 3


class Reloader:
    """Watches the code below `root` from now on; `refusal` says what is wrong with the configuration, if anything."""

    def __init__(self, root: Path, refusal: Callable[[], str | None]) -> None:
        self._root = root
        self._refusal = refusal
        self._env_file = root / ".env"
        # As it was last looked at, and as it was when that was last acted on.
        self._env_seen = self._env_known = stamp(self._env_file)
        # What was saved and is not loaded yet.
        self._waiting: set[Path] = set()
        packages = [root / name for name in OWN_PACKAGES]
        # Not filtered by the watcher, which would stay silent while other files are saved without a pause.
        self._changes = watch(
            *packages, watch_filter=None, step=QUIET_MS, rust_timeout=TEND_EVERY_MS, yield_on_timeout=True
        )
        next(self._changes)

    def tend(self, keeper: Keeper, children: Children) -> None:
        """Keep everything up on the code as it is, until the supervisor must start again. Raises: Interrupted."""
        for changes in self._changes:
            keeper.tend()
            keeper.prepare()
            children.pause(0)
            saved = self._saved({path for _, path in changes})
            self._waiting |= saved
            if not saved or not self._is_sound(children.console.say):
                continue
            if any(path == self._env_file or SUPERVISOR in self._below(path).parents for path in self._waiting):
                children.console.say(f"{self._names()} changed: everything starts again")
                return
            children.console.say(f"{self._names()} changed: all processes start again")
            if any("migrations" in path.parts for path in self._waiting):
                children.console.say("migrations are not applied by this: run `manage.py migrate`, or `make dev` again")
            self._waiting.clear()
            keeper.reload()

    def _saved(self, changed: set[str]) -> set[Path]:
        """The files among those that changed which an engine is made of, and `.env` if that has changed."""
        saved = {path for path in map(Path, changed) if is_code(self._below(path))}
        before, self._env_seen = self._env_seen, stamp(self._env_file)
        if before == self._env_seen != self._env_known:  # not being written just now
            self._env_known = self._env_seen
            saved.add(self._env_file)
        return saved

    def _is_sound(self, say: Callable[[str], None]) -> bool:
        """Whether what waits can be loaded; says what is wrong with it."""
        errors = [error for path in sorted(self._waiting) if (error := self._error(path))]
        for error in errors:
            say(f"{error}\n  The engine goes on with what it has loaded; the next good save starts it again.")
        return not errors

    def _error(self, path: Path) -> str | None:
        return self._refusal() if path == self._env_file else syntax_error(path, str(self._below(path)))

    def _below(self, path: Path) -> Path:
        return path.relative_to(self._root)

    def _names(self) -> str:
        names = sorted(str(self._below(path)) for path in self._waiting)
        more = len(names) - NAMES_SHOWN
        return ", ".join(names[:NAMES_SHOWN]) + (f" and {more} more" if more > 0 else "")


def is_code(path: Path) -> bool:
    """Whether web, worker and beat may have loaded a file of this path below the root."""
    return path.suffix in CODE and not path.name.startswith(".") and NOT_LOADED.isdisjoint(path.parts)


def syntax_error(path: Path, name: str) -> str | None:
    """Where a file of Python does not compile, and why; nothing for one that does, or is gone."""
    if path.suffix != ".py":
        return None
    # Bytecode is known by second and size, so that of a file saved twice in a second may be stale.
    Path(importlib.util.cache_from_source(str(path))).unlink(missing_ok=True)
    try:
        compile(path.read_bytes(), name, "exec", dont_inherit=True)
    except FileNotFoundError:
        return None
    except SyntaxError as error:
        return f"{name}:{error.lineno or 1}: {error.msg}"
    except (ValueError, OSError) as error:
        return f"{name}: {error}"
    return None


def stamp(path: Path) -> tuple[int, int, int] | None:
    """What changes whenever a file is saved, None where there is none."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size, status.st_ino
