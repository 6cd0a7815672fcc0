"""The part of an order that is left unfilled, as a pool: it takes any amount at the order's limit price."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any, ClassVar, Final, Self

from dex.errors import AmountTooSmall, InsufficientLiquidity
from dex.pools import Swap
from dex.pools.curves import Segments
from dex.router.graph.compiled import CompiledMarket

UNFILLED: Final = "unfilled"  # its kind, venue and id: chains have no pool of this name
_ROOM: Final = 2  # times the order: a pool that is nearly full is handled with more care than it takes here


@dataclass(slots=True)
class UnfilledPool:
    """Trades up to `most` atoms of token_in at one `price`, without a fee; see `Pool`.

    It pays for what the owner keeps, so it rounds against that as a pool does.
    """

    kind: ClassVar[str] = UNFILLED

    tokens: tuple[str, str]
    price: Fraction
    most: int
    pool_id: str = UNFILLED
    venue: str = UNFILLED

    def swap_exact_in(self, token_in: str, token_out: str, amount_in: int, now: int) -> Swap:
        """See `Pool`."""
        amount_out = amount_in * self.price.numerator // self.price.denominator
        return self._swap(amount_in, amount_out)

    def swap_exact_out(self, token_in: str, token_out: str, amount_out: int, now: int) -> Swap:
        """See `Pool`."""
        return self._swap(-(-amount_out * self.price.denominator // self.price.numerator), amount_out)

    def _swap(self, amount_in: int, amount_out: int) -> Swap:
        if amount_in <= 0 or amount_out <= 0:
            raise AmountTooSmall("the rest of the order is worth nothing at its limit")
        if amount_in > self.most:
            raise InsufficientLiquidity("the rest of the order is more than the order")
        return Swap(amount_in, amount_out, 0, self)

    def marginal_price(self, token_in: str, token_out: str, now: int) -> float:
        """See `Pool`."""
        return float(self.price)

    def curve(self, token_in: str, token_out: str, now: int) -> Segments:
        """See `Pool`."""
        return Segments((float(self.price),), (0.0,), (float(self.most),))

    def fee_ppm(self, token_in: str, now: int) -> float:
        """See `Pool`."""
        return 0.0

    def fee_moves(self, before: int, now: int) -> bool:
        """See `Pool`."""
        return False

    def balances(self) -> dict[str, int]:
        """See `Pool`: it is none of the chain's."""
        return {}

    def to_state(self) -> dict[str, Any]:
        """See `Pool`: it is never stored."""
        return {}

    @classmethod
    def from_state(cls, pool_id: str, venue: str, tokens: tuple[str, ...], state: dict[str, Any]) -> Self:
        """See `Pool`."""
        raise ValueError("what is left of an order is never stored")


def with_unfilled(market: CompiledMarket, ends: tuple[str, str], price: Fraction, most: int) -> CompiledMarket:
    """The market with one more edge, on which all of an order, of `most` atoms of token_in, can stay unfilled.

    Raises: KeyError where a token is not traded.
    """
    return market.with_one_way(UnfilledPool(ends, price, _ROOM * most))
