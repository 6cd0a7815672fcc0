"""A whole chain in a few tables: the default, so that everything works without keys, faucets or nodes."""

from dex.chains.simulated.chain import SimulatedChain
from dex.chains.simulated.options import SimulatedOptions

__all__ = ["SimulatedChain", "SimulatedOptions"]
