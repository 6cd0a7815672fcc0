"""The record of a pool kind, the only thing that other modules know of it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from dex.fields import Fields
from dex.pools.base import Pool
from dex.pools.opening import Opening

# Fields of the pool in a problem file, pool id, names and decimals of its two tokens. Raises: ProblemError, ValueError.
ProblemReader = Callable[[Fields, str, tuple[str, str], tuple[int, int]], Pool]


@dataclass(frozen=True, slots=True)
class PoolKind:
    """The arithmetic of one program, and how its pools come about.

    `name` is the stable id in states and market files, and the name of the kind's module. `pool` is the arithmetic.
    `new_state` makes the state of a new pool on the simulated chain, from the terms of its line in the market file;
    `example` are such terms, which the contract tests use too. A kind without `new_state` needs a module of the same
    name in `dex.testing.kinds`. `problems` are the kinds of problem files that are read as pools of this one.
    """

    name: str
    pool: type[Pool]
    new_state: Callable[[Opening], dict[str, Any]] | None = None
    example: Mapping[str, Any] = field(default_factory=dict)
    problems: Mapping[str, ProblemReader] = field(default_factory=dict)
