"""What the environment says, with `.env` below it: the one reading that supervisor, settings and commands share.

An empty value counts as not set, and still stands above the file: `CHAIN= make run` takes the default.
"""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from orderengine.environment.addresses import WrongValue, shortened
from orderengine.environment.env_file import EnvFileError, read_env_file
from orderengine.refusal import Refusal

SIMULATED = "simulated"
ROOT = Path(__file__).resolve().parents[2]
# Set for the processes of a supervisor and for commands beside one: what they need is in their environment, and a file
# that was changed since must not give them other values.
COMPLETE = "ORDERENGINE_ENVIRONMENT_IS_COMPLETE"

# What holds in this kind of process where nothing is said.
DEFAULTS: dict[str, str] = {}


@dataclass(frozen=True, slots=True)
class Reading:
    """One reading of the environment and the file."""

    values: dict[str, str]
    # Names that are set to nothing.
    empty: frozenset[str]
    # Names that the file sets.
    in_file: frozenset[str]


def read_environment(root: Path = ROOT, environment: Mapping[str, str] = os.environ) -> Reading:
    """The environment, and the values of `.env` where it has none. Raises: EnvFileError."""
    below = {} if environment.get(COMPLETE) else read_env_file(root / ".env", environment)
    merged = {**below, **environment}
    values = {name: value for name, value in merged.items() if value.strip()}
    return Reading(DEFAULTS | values, frozenset(merged.keys() - values.keys()), frozenset(below))


def load(root: Path) -> Reading:
    """The environment with `.env` below it. Raises: Refusal where the file cannot be read."""
    try:
        return read_environment(root)
    except EnvFileError as error:
        raise Refusal(str(error), "correct the file, or move it away.") from error


def read_chain_name(text: str) -> str:
    """The name of a chain, which becomes a part of paths too. Raises: WrongValue."""
    if not re.fullmatch(r"[A-Za-z0-9_-]{1,32}", text):
        raise WrongValue(f"={shortened(text)} is no name of a chain: letters, digits, - and _, 32 at most.")
    return text


def state_directory(root: Path, stated: str, chain: str) -> Path:
    """Where an engine keeps what outlives a run; orders on another chain have a place of their own."""
    return Path(stated or root / (".state" if chain == SIMULATED else f".state-{chain}")).absolute()
