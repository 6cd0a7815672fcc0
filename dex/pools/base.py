"""The interface of a pool kind: exact integer arithmetic over a frozen state, no I/O."""

from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol, Self

from dex.pools.curves import Curve


class Swap(NamedTuple):
    """Exact outcome of one swap: atoms taken and paid, the fees inside them, and the pool as it is afterwards.

    `fee` is the part of `amount_in` that was kept as fee, in atoms of token_in; `fee_out` what was withheld
    from the output before `amount_out` was paid, in atoms of token_out.
    """

    amount_in: int
    amount_out: int
    fee: int
    pool_after: "Pool"
    fee_out: int = 0


class Pool(Protocol):
    """One source of liquidity. Never changes: a swap returns the pool as it is afterwards.

    The classes behind it are slotted dataclasses that are not frozen, since a frozen one takes five times as
    long to make and every swap makes one; all fields are read-only through this interface.

    `now` is the chain time in unix seconds; kinds whose fee does not move with time ignore it. Rounding
    always favours the pool, as the real programs do. Token arguments must be two of `tokens`.
    Amounts of zero and less are refused as too small.
    """

    @property
    def pool_id(self) -> str: ...
    @property
    def venue(self) -> str: ...
    @property
    def kind(self) -> str: ...
    @property
    def tokens(self) -> tuple[str, ...]: ...
    def swap_exact_in(self, token_in: str, token_out: str, amount_in: int, now: int) -> Swap:
        """Swap exactly `amount_in`.

        Raises: InsufficientLiquidity when it cannot be taken in full, AmountTooSmall when it would pay zero.
        """
        ...

    def swap_exact_out(self, token_in: str, token_out: str, amount_out: int, now: int) -> Swap:
        """Buy exactly `amount_out` for the least input that the program asks for it.

        Where a whole number of input atoms buys more than that, the pool keeps the surplus.
        Raises: InsufficientLiquidity, AmountTooSmall.
        """
        ...

    def marginal_price(self, token_in: str, token_out: str, now: int) -> float:
        """Atoms of token_out per atom of token_in for an infinitesimal swap, after the fee; 0.0 when empty.

        For ranking and reports, never for amounts.
        """
        ...

    def curve(self, token_in: str, token_out: str, now: int) -> Curve:
        """What the router optimises over: concave, and at least what any swap pays (see curves.py)."""
        ...

    def fee_ppm(self, token_in: str, now: int) -> float:
        """Fee of an infinitesimal swap in millionths of the input."""
        ...

    def fee_moves(self, before: int, now: int) -> bool:
        """Whether time alone changes the fee from one moment to another, and with it the curve."""
        ...

    def balances(self) -> dict[str, int]:
        """Atoms of each token that the pool holds, fees not yet claimed included (conservation is checked on it)."""
        ...

    def to_state(self) -> dict[str, Any]:
        """JSON-ready state; amounts as decimal strings, since they may pass 2**53."""
        ...

    @classmethod
    def from_state(cls, pool_id: str, venue: str, tokens: tuple[str, ...], state: dict[str, Any]) -> Self:
        """Inverse of `to_state`. Raises: ValueError when the state can be no pool of this kind."""
        ...


def with_unclaimed(tokens: Sequence[str], reserves: Sequence[int], unclaimed: Sequence[int]) -> dict[str, int]:
    """Atoms that a pool holds of each token: what it trades with, and fees that their owners have not claimed."""
    return {token: traded + fees for token, traded, fees in zip(tokens, reserves, unclaimed, strict=True)}
