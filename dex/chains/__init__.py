"""Adapters to chains. What each of them offers stands in `base.py`, what only some do in `capabilities.py`.

`CHAINS` is the registry of their kinds: a name, and the module whose `KIND` is the record (`kind.py`). A module is
loaded when its kind is asked for, since what speaks to nodes takes time and memory to load.
"""

from collections.abc import Mapping
from importlib import import_module
from typing import Final

from dex.chains.kind import ChainKind

CHAINS: Final[Mapping[str, str]] = {
    "simulated": "dex.chains.simulated.kind",
    "evm": "dex.chains.evm.kind",
}
# The kind of the chains that have a table in CHAINS_FILE, by whose name CHAIN asks for them.
OF_CHAINS_FILE = "evm"

__all__ = ["CHAINS", "ChainKind", "chain_kind"]


def chain_kind(name: str) -> ChainKind:
    """The kind of a chain by the chain's name in CHAIN: one of the registry, or one of the chains file."""
    kind = import_module(CHAINS.get(name, CHAINS[OF_CHAINS_FILE])).KIND
    assert isinstance(kind, ChainKind)
    return kind
