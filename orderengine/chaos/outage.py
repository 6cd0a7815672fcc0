"""The chain goes away for all processes at once: a file says until when, also to processes that start meanwhile."""

import functools
import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from dex.chains.simulated import SimulatedChain
from dex.errors import ChainUnavailable

# All that is asked of a node.
VERBS = (
    *("snapshot", "prepare", "holdings", "next_nonce", "balances", "low_on_gas", "broadcast", "receipts", "standing"),
)
FILE = "away_until"


def take_away(directory: Path, seconds: float) -> float:
    """No process reaches the chain for so long from now on; the unix time at which it is back."""
    until = time.time() + seconds
    unfinished = directory / f"{FILE}.new"
    unfinished.write_text(json.dumps(until))
    unfinished.replace(directory / FILE)
    return until


def install(directory: Path) -> None:
    """Have the simulated chain of this process look there."""
    chain: Any = SimulatedChain
    for verb in VERBS:
        setattr(chain, verb, _unless_away(getattr(chain, verb), directory / FILE))


def _unless_away(ask: Callable[..., Any], file: Path) -> Callable[..., Any]:
    @functools.wraps(ask)
    def asking(self: Any, *args: Any, **rest: Any) -> Any:
        if os.path.exists(file) and time.time() < json.loads(file.read_text()):
            raise ChainUnavailable("the chain is away")
        return ask(self, *args, **rest)

    return asking
