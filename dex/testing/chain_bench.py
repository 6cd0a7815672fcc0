"""What the contract tests need of a chain: the chain, and a hand on its clock.

A kind of chain whose blocks come by themselves needs nothing here: its bench is built from its record, with no setting
but defaults. Any other has a module of its name in `dex.testing.chains`, with a function `bench` whose parameters are
pytest fixtures, and `MARKS` of the tests that use it.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from inspect import signature
from pathlib import Path
from typing import Any

import pytest
from _pytest.mark.structures import ParameterSet

from dex.chains import CHAINS, chain_kind
from dex.chains.base import Chain
from dex.chains.kind import ChainSettings
from dex.signers.settings import SignerSettings


@dataclass(frozen=True, slots=True)
class ChainBench:
    """A fresh chain. `mine` makes one block of what waits; None: blocks come by themselves.

    `reorg` takes the newest blocks back and loses what was in them; None: this chain has no reorgs. `gas` is the
    token that fees are paid in, which no test trades; empty: none.
    """

    chain: Chain
    mine: Callable[[], None] | None = None
    reorg: Callable[[int], None] | None = None
    gas: str = ""

    def next_block(self) -> None:
        """Wait until what was sent is in a block."""
        if self.mine is not None:
            self.mine()
        else:
            time.sleep(2 * self.chain.timing.block_s)


def params() -> list[ParameterSet]:
    """Every kind of chain, as a parameter of tests."""
    return [pytest.param(name, marks=_module(name).MARKS if _module(name) else ()) for name in CHAINS]


def _module(name: str) -> Any:
    path = f"dex.testing.chains.{name}"
    return import_module(path) if find_spec(path) else None


def open_bench(name: str, request: pytest.FixtureRequest) -> ChainBench:
    """The bench of a kind of chain."""
    module = _module(name)
    if module is None:
        return ChainBench(chain_kind(name).build(default_settings(name)))
    made = module.bench(*(request.getfixturevalue(fixture) for fixture in signature(module.bench).parameters))
    assert isinstance(made, ChainBench)
    return made


def default_settings(name: str) -> ChainSettings:
    """Nothing set: development keys, no chains file. A setting that is asked for is an error."""

    def read(setting: str) -> object:
        raise AssertionError(f"the contract tests set no {setting}: read it from the environment, with a default")

    return ChainSettings(name, read, {}, Path("/dev/null"), False, SignerSettings())
