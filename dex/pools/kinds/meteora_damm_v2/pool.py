"""Meteora DAMM v2: constant product inside one price range, or without a range where fees become liquidity.

Rounding follows the program step by step, so results equal its own to the last atom.
Source: https://github.com/MeteoraAg/damm-v2 (programs/cp-amm/src/state/pool.rs, src/liquidity_handler)
"""

import math
from dataclasses import asdict, dataclass
from functools import lru_cache
from typing import Any, ClassVar, NamedTuple, Self

from dex.errors import AmountTooSmall, InsufficientLiquidity
from dex.pools.base import Swap, with_unclaimed
from dex.pools.curves import Segments
from dex.pools.kinds.meteora_damm_v2.fees import (
    COMPOUNDING,
    FEE_IN_OUTPUT,
    FEE_PRECISION,
    DammFees,
    DammVolatility,
    DynamicFee,
    FeeDecay,
    FeeSplit,
)
from dex.pools.kinds.meteora_damm_v2.range_math import (
    MAX_SQRT_PRICE,
    MIN_SQRT_PRICE,
    SCALE_BITS,
    amount_a,
    amount_b,
    price_after_input,
    price_after_output,
    price_of_reserves,
)
from dex.types import PPM


class DammQuote(NamedTuple):
    """One swap in the program's own terms; `net_in` and `gross_out` are what the curve itself exchanges."""

    amount_in: int
    amount_out: int
    net_in: int
    gross_out: int
    next_sqrt_price: int
    fees: FeeSplit


@dataclass(slots=True)
class DammPool:
    """A Meteora DAMM v2 pool. `tokens` are A and B, `reserves` can be swapped, `unclaimed` are fees beside them.

    Sqrt prices and liquidity are scaled as in damm_math. A compounding pool swaps by its reserves alone and has
    no price range. Swaps made here have no referrer, so the referrer's part stays with the protocol.
    """

    kind: ClassVar[str] = "meteora_damm_v2"

    pool_id: str
    venue: str
    tokens: tuple[str, ...]
    fees: DammFees
    volatility: DammVolatility
    liquidity: int
    sqrt_price: int
    price_range: tuple[int, int]
    reserves: tuple[int, int]
    unclaimed: tuple[int, int] = (0, 0)

    def swap_exact_in(self, token_in: str, token_out: str, amount_in: int, now: int) -> Swap:
        """See `Pool`."""
        sells_a = token_in == self.tokens[0]
        quote = self.quote_exact_in(sells_a, max(amount_in, 0), now)
        if not quote.amount_out:
            raise AmountTooSmall(f"{self.pool_id} pays nothing for an amount of {token_in} this small")
        return self._settle(sells_a, quote, now)

    def swap_exact_out(self, token_in: str, token_out: str, amount_out: int, now: int) -> Swap:
        """See `Pool`."""
        if amount_out <= 0:
            raise AmountTooSmall(f"{amount_out} {token_out} cannot be bought: the amount must be positive")
        sells_a = token_in == self.tokens[0]
        return self._settle(sells_a, self.quote_exact_out(sells_a, amount_out, now), now)

    def quote_exact_in(self, sells_a: bool, amount_in: int, now: int, has_referral: bool = False) -> DammQuote:
        """Sell `amount_in` of A or of B, even if it pays nothing. Raises: InsufficientLiquidity."""
        rate, fee_on_input = self._rate(now), self._fee_on_input(sells_a)
        fee = _fee_within(amount_in, rate) if fee_on_input else 0
        net_in = amount_in - fee
        gross_out, sqrt_price = self._sell(sells_a, net_in)
        if not fee_on_input:
            fee = _fee_within(gross_out, rate)
        amount_out = gross_out if fee_on_input else gross_out - fee
        fees = self.fees.split(fee, has_referral)
        return self._with_price(sells_a, DammQuote(amount_in, amount_out, net_in, gross_out, sqrt_price, fees))

    def quote_exact_out(self, sells_a: bool, amount_out: int, now: int, has_referral: bool = False) -> DammQuote:
        """Buy `amount_out` of B or of A. Raises: InsufficientLiquidity."""
        rate, fee_on_input = self._rate(now), self._fee_on_input(sells_a)
        gross_out = amount_out if fee_on_input else _before_fee(amount_out, rate)
        net_in, sqrt_price = self._buy(sells_a, gross_out)
        amount_in = _before_fee(net_in, rate) if fee_on_input else net_in
        fees = self.fees.split(amount_in - net_in + gross_out - amount_out, has_referral)
        return self._with_price(sells_a, DammQuote(amount_in, amount_out, net_in, gross_out, sqrt_price, fees))

    def marginal_price(self, token_in: str, token_out: str, now: int) -> float:
        """See `Pool`."""
        price = self.curve(token_in, token_out, now).price
        return price[0] if price else 0.0

    def curve(self, token_in: str, token_out: str, now: int) -> Segments:
        """See `Pool`: one segment up to the end of the price range, none where the price already stands there."""
        sells_a = token_in == self.tokens[0]
        share = 1 - self._rate(now) / FEE_PRECISION
        kept = share if self._fee_on_input(sells_a) else 1.0
        depth_in, depth_out, room = self._depth(sells_a)
        if not room:
            return Segments((), (), ())
        return Segments((share * depth_out / depth_in,), (kept / depth_in,), (room / kept,))

    def fee_ppm(self, token_in: str, now: int) -> float:
        """See `Pool`."""
        return self._rate(now) / (FEE_PRECISION // PPM)

    def fee_moves(self, before: int, now: int) -> bool:
        """See `Pool`: while the base rate sinks. Volatility moves with swaps alone."""
        return self._rate(before) != self._rate(now)

    def balances(self) -> dict[str, int]:
        """See `Pool`."""
        return with_unclaimed(self.tokens, self.reserves, self.unclaimed)

    def to_state(self) -> dict[str, Any]:
        """See `Pool`."""
        return {
            "fees": dict(_fees_json(self.fees)),
            "volatility": [str(value) for value in self.volatility],
            "liquidity": str(self.liquidity),
            "sqrt_price": str(self.sqrt_price),
            "price_range": [str(sqrt_price) for sqrt_price in self.price_range],
            "reserves": [str(amount) for amount in self.reserves],
            "unclaimed": [str(amount) for amount in self.unclaimed],
        }

    @classmethod
    def from_state(cls, pool_id: str, venue: str, tokens: tuple[str, ...], state: dict[str, Any]) -> Self:
        """See `Pool`."""
        decay, dynamic = FeeDecay(**state["fees"]["decay"]), DynamicFee(**state["fees"]["dynamic"])
        fees = DammFees(**state["fees"] | {"decay": decay, "dynamic": dynamic})
        volatility = DammVolatility(*map(int, state["volatility"]))
        lowest, highest = map(int, state["price_range"])
        reserve_a, reserve_b = map(int, state["reserves"])
        unclaimed_a, unclaimed_b = map(int, state["unclaimed"])
        pool = cls(
            pool_id,
            venue,
            tokens,
            fees,
            volatility,
            int(state["liquidity"]),
            int(state["sqrt_price"]),
            (lowest, highest),
            (reserve_a, reserve_b),
            (unclaimed_a, unclaimed_b),
        )
        if not (len(tokens) == 2 and fees.is_valid() and pool._is_valid()):
            raise ValueError(f"{pool_id}: not the state of a {cls.kind} pool")
        return pool

    def _is_valid(self) -> bool:
        (lowest, highest), (reserve_a, reserve_b) = self.price_range, self.reserves
        if min(*self.unclaimed, *self.volatility) < 0 or self.liquidity <= 0 or self.sqrt_price <= 0:
            return False
        if self.fees.collect_fee_mode == COMPOUNDING:
            return min(self.reserves) > 0
        return (
            MIN_SQRT_PRICE <= lowest <= self.sqrt_price <= highest <= MAX_SQRT_PRICE
            and reserve_a >= amount_a(self.sqrt_price, highest, self.liquidity)
            and reserve_b >= amount_b(lowest, self.sqrt_price, self.liquidity)
        )

    def _rate(self, now: int) -> int:
        return self.fees.rate(self.volatility.volatility_accumulator, now)

    def _fee_on_input(self, sells_a: bool) -> bool:
        return not sells_a and self.fees.collect_fee_mode != FEE_IN_OUTPUT

    def _depth(self, sells_a: bool) -> tuple[float, float, float]:
        """Virtual reserves of what comes in and what goes out, and how much can come in, before fees."""
        if self.fees.collect_fee_mode == COMPOUNDING:
            reserve_a, reserve_b = self.reserves
            return (reserve_a, reserve_b, math.inf) if sells_a else (reserve_b, reserve_a, math.inf)
        liquidity, sqrt_price, (lowest, highest) = self.liquidity, self.sqrt_price, self.price_range
        depth_a, depth_b = liquidity / sqrt_price, liquidity * sqrt_price / (1 << 2 * SCALE_BITS)
        if sells_a:
            return depth_a, depth_b, liquidity * (sqrt_price - lowest) / (lowest * sqrt_price)
        return depth_b, depth_a, liquidity * (highest - sqrt_price) / (1 << 2 * SCALE_BITS)

    def _sell(self, sells_a: bool, net_in: int) -> tuple[int, int]:
        """What the curve pays for an input, and the sqrt price then (0 where reserves decide it)."""
        if self.fees.collect_fee_mode == COMPOUNDING:
            reserve_in, reserve_out = self.reserves if sells_a else self.reserves[::-1]
            return net_in * reserve_out // (reserve_in + net_in), 0
        after = price_after_input(sells_a, self.sqrt_price, self.liquidity, net_in)
        if not self.price_range[0] <= after <= self.price_range[1]:
            raise InsufficientLiquidity(f"the price range of {self.pool_id} cannot take that much")
        if sells_a:
            return amount_b(after, self.sqrt_price, self.liquidity), after
        return amount_a(self.sqrt_price, after, self.liquidity), after

    def _buy(self, sells_a: bool, gross_out: int) -> tuple[int, int]:
        """What the curve asks for an output, and the sqrt price then (0 where reserves decide it)."""
        too_much = InsufficientLiquidity(f"{self.pool_id} does not hold that much {self.tokens[sells_a]}")
        if self.fees.collect_fee_mode == COMPOUNDING:
            reserve_in, reserve_out = self.reserves if sells_a else self.reserves[::-1]
            if gross_out >= reserve_out:
                raise too_much
            return -(-reserve_in * gross_out // (reserve_out - gross_out)), 0
        after = price_after_output(sells_a, self.sqrt_price, self.liquidity, gross_out)
        if after is None or not self.price_range[0] <= after <= self.price_range[1]:
            raise too_much
        if sells_a:
            return amount_a(after, self.sqrt_price, self.liquidity, round_up=True), after
        return amount_b(self.sqrt_price, after, self.liquidity, round_up=True), after

    def _with_price(self, sells_a: bool, quote: DammQuote) -> DammQuote:
        """A quote with the sqrt price that its reserves leave, where reserves decide it."""
        if self.fees.collect_fee_mode != COMPOUNDING:
            return quote
        return quote._replace(next_sqrt_price=price_of_reserves(*self._reserves_after(sells_a, quote)))

    def _reserves_after(self, sells_a: bool, quote: DammQuote) -> tuple[int, int]:
        (reserve_a, reserve_b), compounding_fee = self.reserves, quote.fees.compounding_fee  # that fee is always in B
        if sells_a:
            return reserve_a + quote.net_in, reserve_b - quote.gross_out + compounding_fee
        return reserve_a - quote.gross_out, reserve_b + quote.net_in + compounding_fee

    def _settle(self, sells_a: bool, quote: DammQuote, now: int) -> Swap:
        """Move the amounts: what the curve exchanges and what compounds stays swappable, other fees are set aside."""
        volatility, dynamic = self.volatility, self.fees.dynamic
        if dynamic.variable_fee_control:
            volatility = volatility.after_swap(self.sqrt_price, quote.next_sqrt_price, now, dynamic)
        fees_a, fees_b = self.unclaimed
        set_aside = quote.fees.claiming_fee + quote.fees.protocol_fee
        is_fee_in_a = not sells_a and self.fees.collect_fee_mode == FEE_IN_OUTPUT
        after = DammPool(
            self.pool_id,
            self.venue,
            self.tokens,
            self.fees,
            volatility,
            self.liquidity,
            quote.next_sqrt_price,
            self.price_range,
            self._reserves_after(sells_a, quote),
            (fees_a + set_aside, fees_b) if is_fee_in_a else (fees_a, fees_b + set_aside),
        )
        fee_in, fee_out = quote.amount_in - quote.net_in, quote.gross_out - quote.amount_out
        return Swap(quote.amount_in, quote.amount_out, fee_in, after, fee_out)


def _fee_within(amount: int, rate: int) -> int:
    """The fee that an amount with the fee inside it pays, rounded up."""
    return -(-amount * rate // FEE_PRECISION)


def _before_fee(net: int, rate: int) -> int:
    """The least amount that leaves `net` once its fee is taken."""
    return -(-net * FEE_PRECISION // (FEE_PRECISION - rate))


# A pool's settings hardly ever change, and what `asdict` copies takes longer than all the rest of a state.
@lru_cache(256)
def _fees_json(fees: DammFees) -> dict[str, Any]:
    return asdict(fees)
