"""Raydium CPMM: constant product with a trade fee on the input and a creator fee on either side.

Rounding follows the program step by step, so results equal its own to the last atom.
Source: https://github.com/raydium-io/raydium-cp-swap (programs/cp-swap/src/curve)
"""

import math
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, ClassVar, Literal, NamedTuple, Self

from dex.errors import AmountTooSmall, InsufficientLiquidity
from dex.pools.base import Swap, with_unclaimed
from dex.pools.curves import Segments
from dex.pools.kind import PoolKind
from dex.pools.opening import Opening
from dex.types import PPM

# Shares of the trade fee, in ppm, of most pools. Source: https://docs.raydium.io
PROTOCOL_RATE, FUND_RATE = 120_000, 40_000

CreatorFeeOn = Literal["input", "token0", "token1"]


@dataclass(frozen=True, slots=True)
class CpmmFees:
    """Fee rates in ppm: trade and creator of the amount, protocol and fund of the trade fee.

    The creator's fee is taken from the input, or always in one of the two tokens.
    """

    trade_rate: int
    creator_rate: int = 0
    creator_fee_on: CreatorFeeOn = "input"
    protocol_rate: int = PROTOCOL_RATE
    fund_rate: int = FUND_RATE


class CpmmQuote(NamedTuple):
    """One swap in the program's own terms; `net_in` and `gross_out` are what the curve itself exchanges."""

    amount_in: int
    amount_out: int
    net_in: int
    gross_out: int
    trade_fee: int
    creator_fee: int


@dataclass(slots=True)
class CpmmPool:
    """A Raydium CPMM pool. `reserves` can be swapped; `unclaimed` are fees in the same vaults that cannot.

    Both are in the order of `tokens`. The liquidity providers' part of the trade fee stays in the reserves.
    """

    kind: ClassVar[str] = "raydium_cpmm"

    pool_id: str
    venue: str
    tokens: tuple[str, ...]
    fees: CpmmFees
    reserves: tuple[int, int]
    unclaimed: tuple[int, int] = (0, 0)

    def swap_exact_in(self, token_in: str, token_out: str, amount_in: int, now: int) -> Swap:
        """See `Pool`."""
        i = self.tokens.index(token_in)
        return self._settle(i, self.quote_exact_in(i, amount_in))

    def swap_exact_out(self, token_in: str, token_out: str, amount_out: int, now: int) -> Swap:
        """See `Pool`."""
        i = self.tokens.index(token_in)
        return self._settle(i, self.quote_exact_out(i, amount_out))

    def quote_exact_in(self, i: int, amount_in: int) -> CpmmQuote:
        """Sell `amount_in` of `tokens[i]`. Raises: AmountTooSmall."""
        fees = self.fees
        reserve_in, reserve_out = self.reserves[i], self.reserves[1 - i]
        creator_fee_on_input = self._creator_fee_on_input(i)
        fee = -(-amount_in * self._rate_on_input(i) // PPM)
        net_in = amount_in - fee
        gross_out = net_in * reserve_out // (reserve_in + net_in) if net_in > 0 else 0
        amount_out = gross_out
        if creator_fee_on_input:
            creator_fee = self._creator_part(fee)
        else:
            creator_fee = -(-gross_out * fees.creator_rate // PPM)
            amount_out -= creator_fee
        if amount_out <= 0:
            raise AmountTooSmall(f"{self.pool_id} pays nothing for an amount of {self.tokens[i]} this small")
        trade_fee = fee - creator_fee if creator_fee_on_input else fee
        return CpmmQuote(amount_in, amount_out, net_in, gross_out, trade_fee, creator_fee)

    def quote_exact_out(self, i: int, amount_out: int) -> CpmmQuote:
        """Buy `amount_out` with `tokens[i]`. Raises: InsufficientLiquidity, AmountTooSmall."""
        fees = self.fees
        reserve_in, reserve_out = self.reserves[i], self.reserves[1 - i]
        creator_fee_on_input = self._creator_fee_on_input(i)
        gross_out = amount_out if creator_fee_on_input else _before_fee(amount_out, fees.creator_rate)
        if gross_out >= reserve_out:
            raise InsufficientLiquidity(f"{self.pool_id} does not hold that much {self.tokens[1 - i]}")
        net_in, rest = divmod(reserve_in * gross_out, reserve_out - gross_out)
        if net_in <= 0:  # the program's ceiling division fails on a quotient below one instead of rounding up
            raise AmountTooSmall(f"{self.pool_id} refuses to sell an amount of {self.tokens[1 - i]} this small")
        net_in += rest > 0
        amount_in = _before_fee(net_in, self._rate_on_input(i))
        fee = amount_in - net_in
        if not creator_fee_on_input:
            return CpmmQuote(amount_in, amount_out, net_in, gross_out, fee, gross_out - amount_out)
        creator_fee = self._creator_part(fee)
        return CpmmQuote(amount_in, amount_out, net_in, gross_out, fee - creator_fee, creator_fee)

    def shared_fees(self, trade_fee: int) -> tuple[int, int]:
        """What the protocol and the fund take of a trade fee; the rest belongs to the liquidity providers."""
        return trade_fee * self.fees.protocol_rate // PPM, trade_fee * self.fees.fund_rate // PPM

    def marginal_price(self, token_in: str, token_out: str, now: int) -> float:
        """See `Pool`."""
        i = self.tokens.index(token_in)
        if not self.reserves[i]:
            return 0.0
        return self.reserves[1 - i] / self.reserves[i] * (1 - self._fee_share(i))

    def curve(self, token_in: str, token_out: str, now: int) -> Segments:
        """See `Pool`: one segment without an end."""
        i = self.tokens.index(token_in)
        curvature = (1 - self._rate_on_input(i) / PPM) / self.reserves[i]
        return Segments((self.marginal_price(token_in, token_out, now),), (curvature,), (math.inf,))

    def fee_ppm(self, token_in: str, now: int) -> float:
        """See `Pool`."""
        return self._fee_share(self.tokens.index(token_in)) * PPM

    def fee_moves(self, before: int, now: int) -> bool:
        """See `Pool`."""
        return False

    def balances(self) -> dict[str, int]:
        """See `Pool`."""
        return with_unclaimed(self.tokens, self.reserves, self.unclaimed)

    def to_state(self) -> dict[str, Any]:
        """See `Pool`."""
        return {
            "reserves": [str(amount) for amount in self.reserves],
            "unclaimed": [str(amount) for amount in self.unclaimed],
            "trade_fee_rate": self.fees.trade_rate,
            "creator_fee_rate": self.fees.creator_rate,
            "creator_fee_on": self.fees.creator_fee_on,
            "protocol_fee_rate": self.fees.protocol_rate,
            "fund_fee_rate": self.fees.fund_rate,
        }

    @classmethod
    def from_state(cls, pool_id: str, venue: str, tokens: tuple[str, ...], state: dict[str, Any]) -> Self:
        """See `Pool`."""
        fees = CpmmFees(
            trade_rate=state["trade_fee_rate"],
            creator_rate=state["creator_fee_rate"],
            creator_fee_on=state["creator_fee_on"],
            protocol_rate=state["protocol_fee_rate"],
            fund_rate=state["fund_fee_rate"],
        )
        reserve0, reserve1 = map(int, state["reserves"])
        unclaimed0, unclaimed1 = map(int, state["unclaimed"])
        is_valid = (
            len(tokens) == 2
            and min(reserve0, reserve1) > 0 <= min(unclaimed0, unclaimed1)
            and min(fees.trade_rate, fees.creator_rate, fees.protocol_rate, fees.fund_rate) >= 0
            and fees.trade_rate + fees.creator_rate < PPM >= fees.protocol_rate + fees.fund_rate
        )
        if not is_valid:
            raise ValueError(f"{pool_id}: not the state of a {cls.kind} pool")
        return cls(pool_id, venue, tokens, fees, (reserve0, reserve1), (unclaimed0, unclaimed1))

    def _creator_fee_on_input(self, i: int) -> bool:
        return self.fees.creator_fee_on == "input" or self.fees.creator_fee_on[-1] == "01"[i]

    def _rate_on_input(self, i: int) -> int:
        """The rate of the one fee on the input: the trade fee, and the creator's where that is taken there too."""
        return self.fees.trade_rate + (self.fees.creator_rate if self._creator_fee_on_input(i) else 0)

    def _creator_part(self, fee: int) -> int:
        """The creator's part of the one fee on the input, rounded down."""
        rate = self.fees.trade_rate + self.fees.creator_rate
        return fee * self.fees.creator_rate // rate if rate else 0

    def _fee_share(self, i: int) -> float:
        trade, creator = self.fees.trade_rate / PPM, self.fees.creator_rate / PPM
        return trade + creator if self._creator_fee_on_input(i) else 1 - (1 - trade) * (1 - creator)

    def _settle(self, i: int, quote: CpmmQuote) -> Swap:
        """Move the amounts: what curve and liquidity providers get stays swappable, other fees are set aside."""
        taken = sum(self.shared_fees(quote.trade_fee))
        withheld = 0
        if self._creator_fee_on_input(i):
            taken += quote.creator_fee
        else:
            withheld = quote.creator_fee
        reserve_in = self.reserves[i] + quote.amount_in - taken
        reserve_out = self.reserves[1 - i] - quote.gross_out
        unclaimed_in, unclaimed_out = self.unclaimed[i] + taken, self.unclaimed[1 - i] + withheld
        after = CpmmPool(
            self.pool_id,
            self.venue,
            self.tokens,
            self.fees,
            (reserve_out, reserve_in) if i else (reserve_in, reserve_out),
            (unclaimed_out, unclaimed_in) if i else (unclaimed_in, unclaimed_out),
        )
        fee_in = quote.amount_in - quote.net_in
        return Swap(quote.amount_in, quote.amount_out, fee_in, after, withheld)


def _before_fee(amount: int, rate: int) -> int:
    """The least amount that leaves `amount` once `rate` ppm of it are taken."""
    return -(-amount * PPM // (PPM - rate))


def _new_state(opening: Opening) -> dict[str, Any]:
    """The same value of both tokens, without a creator's fee."""
    return {
        "reserves": [str(opening.atoms(i, Fraction(1, 2))) for i in range(2)],
        "unclaimed": ["0", "0"],
        "trade_fee_rate": opening.fee_ppm,
        "creator_fee_rate": 0,
        "creator_fee_on": "input",
        "protocol_fee_rate": PROTOCOL_RATE,
        "fund_fee_rate": FUND_RATE,
    }


KIND = PoolKind("raydium_cpmm", CpmmPool, _new_state)
