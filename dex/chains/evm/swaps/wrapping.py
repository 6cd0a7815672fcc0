"""A chain's own token beside the contract that wraps it: for the router, a pool that swaps them one for one."""

from collections.abc import Sequence
from dataclasses import dataclass

from dex.chains.evm.config.options import EvmOptions
from dex.pools import Pool
from dex.pools.kinds.bins import StaticBinsPool
from dex.types import Token
from dex.venues import WRAPPING

NATIVE_DECIMALS = 18
# More than there is of any chain's token, and little enough for the router's floats.
PLENTY = 10**30


@dataclass(frozen=True, slots=True)
class Native:
    """The chain's own token and the contract that wraps it, by symbol and address; they are worth the same."""

    symbol: str
    wrapped_symbol: str
    wrapped: str


def native_of(options: EvmOptions) -> Native:
    """The chain's own token and its wrapper."""
    deployment = options.deployment
    wrapped = next((token for token in options.tokens if token.address == deployment.wrapped_native), None)
    symbol = wrapped.symbol if wrapped else f"W{deployment.native_symbol}"
    return Native(deployment.native_symbol, symbol, deployment.wrapped_native)


def native_token(options: EvmOptions) -> Token:
    """The chain's own token as others know it; its reference value is its wrapper's, where that is listed."""
    wrapped = next((item for item in options.tokens if item.address == options.deployment.wrapped_native), None)
    symbol = options.deployment.native_symbol
    return Token(symbol, symbol, NATIVE_DECIMALS, wrapped.value if wrapped else None)


def native_units(atoms: int, decimals: int = NATIVE_DECIMALS) -> str:
    """Atoms of the chain's own token as a decimal string in its units, or in those of another token with `decimals`."""
    whole, rest = divmod(atoms, 10**decimals)
    return f"{whole}.{rest:0{decimals}d}".rstrip("0").rstrip(".")


def wrapping_pools(options: EvmOptions) -> Sequence[Pool]:
    """The pool of the two, where the wrapper is among the listed tokens."""
    native = native_of(options)
    if all(token.address != native.wrapped for token in options.tokens):
        return ()
    tokens = (native.symbol, native.wrapped_symbol)
    return (StaticBinsPool(native.wrapped, WRAPPING.name, tokens, 1, 0, 0, ((0, PLENTY, PLENTY),)),)


def tokens_of(options: EvmOptions) -> tuple[Token, ...]:
    """The listed tokens, and the chain's own where it can be wrapped."""
    listed = tuple(Token(item.symbol, item.name, item.decimals, item.value) for item in options.tokens)
    if all(item.address != options.deployment.wrapped_native for item in options.tokens):
        return listed
    return (native_token(options), *listed)
