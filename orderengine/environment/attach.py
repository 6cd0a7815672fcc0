"""Lets a second terminal talk to the engine that runs: `manage.py seed` needs its ports, passwords and chain.

The running engine says which it is. A command asks for a name only where several run, or another than it was told.
"""

import os
from dataclasses import dataclass
from pathlib import Path

from orderengine.environment.reading import COMPLETE, SIMULATED, Reading, load, state_directory
from orderengine.environment.state_files import is_alive, read_table
from orderengine.refusal import Refusal

WHICH = ("STATE_DIR", "CHAIN")


@dataclass(frozen=True, slots=True)
class Running:
    """A running engine: its state directory, and the variables that it was started with."""

    state: Path
    environment: dict[str, str]

    def named(self, root: Path) -> str:
        """How a command is told that this one is meant."""
        chain = self.environment.get("CHAIN", SIMULATED)
        if self.state == state_directory(root, "", chain):
            return f"CHAIN={chain}"
        return f"STATE_DIR={self.state}"


def attach(root: Path) -> bool:
    """Complete this process's environment; whether there is a database to talk to. Raises: Refusal."""
    reading = load(root)
    named = state_directory(root, reading.values.get("STATE_DIR", ""), reading.values.get("CHAIN", SIMULATED))
    found = running_engines(root, named)
    if stated := os.environ.get("DATABASE_URL"):
        # With another database than an engine's, its settings are not this command's either.
        found = [engine for engine in found if engine.environment.get("DATABASE_URL") == stated]
    engine = _the_engine(root, found, named, reading) if found else None
    if engine is None:
        return "DATABASE_URL" in reading.values
    for name, value in engine.environment.items():
        os.environ.setdefault(name, value)
    os.environ[COMPLETE] = "1"
    return True


def _the_engine(root: Path, found: list[Running], named: Path, reading: Reading) -> Running | None:
    """The one that is meant. Raises: Refusal where several might be, or another runs than the one that is named."""
    meant = [engine for engine in found if engine.state == named]
    # What the terminal says counts, be it that nothing is set; what `.env` says decides between several.
    if any(name in os.environ or name in reading.empty for name in WHICH):
        if not meant and "STATE_DIR" not in os.environ:
            raise Refusal(f"No engine runs on {named}.", f"{_names(root, found)}, or `make run` in another terminal.")
        return meant[0] if meant else None
    if len(found) > 1 and not (meant and any(name in reading.values for name in WHICH)):
        raise Refusal(f"{len(found)} engines run here.", f"say which: {_names(root, found)}.")
    return meant[0] if len(found) > 1 else found[0]


def running_engines(root: Path, also: Path) -> list[Running]:
    """The engines of this checkout whose supervisor is alive, the one with this state directory among them."""
    states = sorted({path.absolute() for path in root.glob(".state*") if path.is_dir()} | {also})
    alive = [state for state in states if is_alive(int(read_table(state, "processes").get("supervisor", 0)))]
    return [Running(state, read_table(state, "environment")) for state in alive]


def _names(root: Path, engines: list[Running]) -> str:
    return " or ".join(engine.named(root) for engine in engines)
