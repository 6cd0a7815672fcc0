"""Curve StableSwap NG: two to eight coins that should cost the same, with a fee on the output that may move.

The generic two-coin StableSwap is the same pool with `amp` 100 times its A, no admin fee and no multiplier.
Rounding follows the contract step by step, so results equal its own to the last atom.
Source: https://github.com/curvefi/stableswap-ng/blob/main/contracts/main/CurveStableSwapNG.vy
"""

import math
from dataclasses import dataclass, field
from typing import Any, ClassVar, NamedTuple, Self

from dex.errors import AmountTooSmall, InsufficientLiquidity
from dex.pools.base import Swap, with_unclaimed
from dex.pools.curves import Curve, Segments, StableCurve
from dex.pools.kinds.curve_stableswap_ng.stable_math import (
    A_PRECISION,
    FEE_PRECISION,
    RATE_PRECISION,
    invariant,
    last_balance,
    least,
    moving_fee,
)
from dex.types import PPM

MAX_COINS = 8
MAX_FEE = FEE_PRECISION // 2
MAX_FEE_STEPS = 255


@dataclass(frozen=True, slots=True)
class StableFees:
    """Fee settings out of 1e10: of the output, how far a pool off balance multiplies it, and the admin's share of it.

    A multiplier of 1e10 or less leaves the fee as it is.
    """

    fee: int
    offpeg_fee_multiplier: int = 0
    admin_fee: int = 5_000_000_000


class StableQuote(NamedTuple):
    """One swap in the contract's own terms: atoms, and the fee's rate out of 1e10.

    `fee` is what was withheld from the output, `admin_fee` the admin's part of it.
    """

    amount_in: int
    amount_out: int
    fee: int
    admin_fee: int
    fee_rate: int


@dataclass(slots=True)
class StablePool:
    """A Curve StableSwap NG pool. `reserves` are net of `unclaimed`, the admin's fees held beside them.

    `amp` is A times 100. `rates` turn atoms into the common unit of 1e-18 token: 1e36 / 10**decimals, times the
    price of a token that grows. All are in the order of `tokens`. With a moving fee, selling far more than the
    pool holds of the output can pay less than selling a little less; so does the contract.
    """

    kind: ClassVar[str] = "curve_stableswap_ng"

    pool_id: str
    venue: str
    tokens: tuple[str, ...]
    amp: int
    fees: StableFees
    rates: tuple[int, ...]
    reserves: tuple[int, ...]
    unclaimed: tuple[int, ...]
    # Scaled balances and their invariant, filled in by the first swap: half of the cost of one.
    _solved: tuple[list[int], int] | None = field(default=None, init=False, repr=False, compare=False)

    def swap_exact_in(self, token_in: str, token_out: str, amount_in: int, now: int) -> Swap:
        """See `Pool`."""
        i, j = self.tokens.index(token_in), self.tokens.index(token_out)
        quote = self.quote_exact_in(i, j, amount_in) if amount_in > 0 else None
        if quote is None or quote.amount_out <= 0:
            raise AmountTooSmall(f"{self.pool_id} pays nothing for an amount of {token_in} this small")
        return self._settle(i, j, quote, quote.amount_out)

    def swap_exact_out(self, token_in: str, token_out: str, amount_out: int, now: int) -> Swap:
        """See `Pool`. The input is the least that pays enough exact-in, since the contract swaps in no other way."""
        i, j = self.tokens.index(token_in), self.tokens.index(token_out)
        if amount_out <= 0:
            raise AmountTooSmall(f"{amount_out} {token_out} cannot be bought: the amount must be positive")
        return self._settle(i, j, self._cheapest(i, j, amount_out), amount_out)

    def quote_exact_in(self, i: int, j: int, amount_in: int) -> StableQuote:
        """Sell `amount_in` of `tokens[i]` for `tokens[j]`, even if it pays nothing; below that the contract reverts.

        Raises: InsufficientLiquidity when the balances are too far apart for the contract's arithmetic.
        """
        scaled, d = self._solve()
        if not d:
            raise InsufficientLiquidity(f"the balances of {self.pool_id} are too far apart")
        fees, rate_out = self.fees, self.rates[j]
        balance_in = scaled[i] + amount_in * self.rates[i] // RATE_PRECISION
        balance_out = self._balance_out(i, j, balance_in)
        gross = scaled[j] - balance_out - 1  # the contract keeps one unit against its own rounding
        middle_in, middle_out = (scaled[i] + balance_in) // 2, (scaled[j] + balance_out) // 2
        fee_rate = moving_fee(middle_in, middle_out, fees.fee, fees.offpeg_fee_multiplier)
        fee = gross * fee_rate // FEE_PRECISION
        amount_out = (gross - fee) * RATE_PRECISION // rate_out
        admin_fee = fee * fees.admin_fee // FEE_PRECISION * RATE_PRECISION // rate_out
        return StableQuote(amount_in, amount_out, gross * RATE_PRECISION // rate_out - amount_out, admin_fee, fee_rate)

    def marginal_price(self, token_in: str, token_out: str, now: int) -> float:
        """See `Pool`."""
        i, j = self.tokens.index(token_in), self.tokens.index(token_out)
        scaled, _ = self._solve()
        return self._price(i, j, moving_fee(scaled[i], scaled[j], self.fees.fee, self.fees.offpeg_fee_multiplier))

    def curve(self, token_in: str, token_out: str, now: int) -> Curve:
        """See `Pool`: at the lowest fee along the way. The contract's rounding may pay a few units (1e-18) more."""
        i, j = self.tokens.index(token_in), self.tokens.index(token_out)
        if not self._solve()[1]:
            return Segments((), (), ())
        return self._curve(i, j, self._least_fee_rate(i, j))

    def fee_ppm(self, token_in: str, now: int) -> float:
        """See `Pool`. A fee that moves is that of the other coin it is lowest for."""
        scaled, _ = self._solve()
        i, fees = self.tokens.index(token_in), self.fees
        others = (balance for k, balance in enumerate(scaled) if k != i)
        rate = min(moving_fee(scaled[i], balance, fees.fee, fees.offpeg_fee_multiplier) for balance in others)
        return rate / (FEE_PRECISION // PPM)

    def fee_moves(self, before: int, now: int) -> bool:
        """See `Pool`."""
        return False

    def balances(self) -> dict[str, int]:
        """See `Pool`."""
        return with_unclaimed(self.tokens, self.reserves, self.unclaimed)

    def to_state(self) -> dict[str, Any]:
        """See `Pool`."""
        return {
            "amp": self.amp,
            "fee": self.fees.fee,
            "offpeg_fee_multiplier": self.fees.offpeg_fee_multiplier,
            "admin_fee": self.fees.admin_fee,
            "rates": [str(rate) for rate in self.rates],
            "reserves": [str(amount) for amount in self.reserves],
            "unclaimed": [str(amount) for amount in self.unclaimed],
        }

    @classmethod
    def from_state(cls, pool_id: str, venue: str, tokens: tuple[str, ...], state: dict[str, Any]) -> Self:
        """See `Pool`."""
        fees = StableFees(state["fee"], state["offpeg_fee_multiplier"], state["admin_fee"])
        rates, reserves, unclaimed = (tuple(map(int, state[key])) for key in ("rates", "reserves", "unclaimed"))
        is_valid = (
            2 <= len(tokens) <= MAX_COINS
            and len(tokens) == len(rates) == len(reserves) == len(unclaimed)
            and state["amp"] >= A_PRECISION
            and min(*rates, *reserves) > 0 <= min(unclaimed)
            and 0 <= fees.fee <= MAX_FEE
            and 0 <= fees.fee * fees.offpeg_fee_multiplier <= MAX_FEE * FEE_PRECISION
            and 0 <= fees.admin_fee <= FEE_PRECISION
        )
        if not is_valid:
            raise ValueError(f"{pool_id}: not the state of a {cls.kind} pool")
        return cls(pool_id, venue, tokens, state["amp"], fees, rates, reserves, unclaimed)

    def _solve(self) -> tuple[list[int], int]:
        """Scaled balances and D, 0 where there is none."""
        if self._solved is None:
            scaled = [reserve * rate // RATE_PRECISION for reserve, rate in zip(self.reserves, self.rates, strict=True)]
            self._solved = scaled, invariant(scaled, self.amp)
        return self._solved

    def _balance_out(self, i: int, j: int, balance_in: int) -> int:
        """The scaled balance of coin j once that of coin i is `balance_in`."""
        scaled, d = self._solve()
        others = scaled.copy()
        others[i] = balance_in
        del others[j]
        return last_balance(others, d, self.amp)

    def _least_fee_rate(self, i: int, j: int) -> int:
        """The lowest fee of any swap this way: it grows with a surplus of coin i, and falls to the set one before."""
        scaled, _ = self._solve()
        if scaled[i] <= scaled[j]:
            return self.fees.fee
        return moving_fee(scaled[i], scaled[j], self.fees.fee, self.fees.offpeg_fee_multiplier)

    def _curve(self, i: int, j: int, fee_rate: int) -> StableCurve:
        scaled, d = self._solve()
        n = len(scaled)
        inverse_ann = A_PRECISION / (self.amp * n)
        rest = [balance / d for k, balance in enumerate(scaled) if k not in (i, j)]
        return StableCurve(
            start=scaled[i] / d,
            b=sum(rest) + inverse_ann - 1,
            c=inverse_ann / (n**n * math.prod(rest)),
            scale_in=self.rates[i] / (RATE_PRECISION * d),
            scale_out=d * RATE_PRECISION / self.rates[j] * (1 - fee_rate / FEE_PRECISION),
        )

    def _price(self, i: int, j: int, fee_rate: int) -> float:
        """Slope of the curve at its start."""
        if not self._solve()[1]:
            return 0.0
        curve = self._curve(i, j, fee_rate)
        x, y = curve.start, curve.balance_out(curve.start)
        return (y + curve.c / (x * x)) / (2 * y + curve.b + x) * curve.scale_in * curve.scale_out

    def _cheapest(self, i: int, j: int, amount_out: int) -> StableQuote:
        """The swap of the least input that pays `amount_out`. Raises: InsufficientLiquidity.

        A moving fee depends on where the swap ends, so the input is found for the lowest fee, then for the fee it
        really meets, until both agree. No step passes the least input while the fee grows along the way. Where it
        falls the steps close in from both sides, and the last atoms are searched.
        """
        fee_rate, tried, enough = self._least_fee_rate(i, j), set[int](), 0
        while fee_rate not in tried and len(tried) < MAX_FEE_STEPS:
            tried.add(fee_rate)
            quote = self.quote_exact_in(i, j, self._least_input(i, j, amount_out, fee_rate))
            if quote.fee_rate == fee_rate:
                return quote
            if quote.amount_out >= amount_out:
                enough = quote.amount_in
            fee_rate = quote.fee_rate
        if not enough:
            raise self._too_much(j)
        amount_in = least(lambda amount: self.quote_exact_in(i, j, amount).amount_out >= amount_out, enough)
        return self.quote_exact_in(i, j, amount_in)

    def _least_input(self, i: int, j: int, amount_out: int, fee_rate: int) -> int:
        """The least input that pays `amount_out` at a given fee. Raises: InsufficientLiquidity."""
        scaled, d = self._solve()
        rate_in, start = self.rates[i], scaled[i]
        net = -(-amount_out * self.rates[j] // RATE_PRECISION)
        gross = (net - 1) * FEE_PRECISION // (FEE_PRECISION - fee_rate) + 1
        target = scaled[j] - gross - 1
        if target < 0 or not d:
            raise self._too_much(j)
        # A solution is rounded down: it comes to `target` as soon as the input passes what `target + 1` asks for.
        balance_in = self._balance_out(j, i, target + 1) + 1
        near = -(-(balance_in - start) * RATE_PRECISION // rate_in)
        return least(
            lambda amount_in: self._balance_out(i, j, start + amount_in * rate_in // RATE_PRECISION) <= target, near
        )

    def _too_much(self, j: int) -> InsufficientLiquidity:
        return InsufficientLiquidity(f"{self.pool_id} cannot pay that much {self.tokens[j]}")

    def _settle(self, i: int, j: int, quote: StableQuote, amount_out: int) -> Swap:
        """Move the amounts: the admin's part of the fee is set aside, the rest and any surplus stay in the reserves."""
        reserves, unclaimed = list(self.reserves), list(self.unclaimed)
        reserves[i] += quote.amount_in
        reserves[j] -= amount_out + quote.admin_fee
        unclaimed[j] += quote.admin_fee
        after = StablePool(
            self.pool_id, self.venue, self.tokens, self.amp, self.fees, self.rates, tuple(reserves), tuple(unclaimed)
        )
        return Swap(quote.amount_in, amount_out, 0, after, quote.fee)
