"""Fees of a Meteora DAMM v2 pool: a base rate that may decay with time, a part that follows volatility, who gets what.

Rates are out of 1e9, times are unix seconds, and no rate moves during a swap.
Source: https://github.com/MeteoraAg/damm-v2 (programs/cp-amm/src/state/fee.rs, src/base_fee)
"""

from dataclasses import astuple, dataclass
from typing import NamedTuple, Self

from dex.pools.kinds.meteora_damm_v2.range_math import SCALE_BITS

FEE_PRECISION = 1_000_000_000
BASIS_POINTS = 10_000
PERCENT = 100
VARIABLE_FEE_SCALE = 100_000_000_000
MAX_RATE_OF_VERSION = (500_000_000, 990_000_000)
FEE_IN_OUTPUT, FEE_IN_B, COMPOUNDING = 0, 1, 2


@dataclass(frozen=True, slots=True)
class FeeDecay:
    """The linear scheduler, named as in the program: the base rate sinks by `reduction_factor` with every period.

    The program may also count in slots; here a period is always seconds. A frequency of 0 means no decay.
    """

    number_of_period: int = 0
    period_frequency: int = 0
    reduction_factor: int = 0
    activation_point: int = 0

    def reduction(self, now: int) -> int:
        """How far the base rate has sunk; before the activation as far as it ever will."""
        if not self.period_frequency:
            return 0
        passed = (now - self.activation_point) // self.period_frequency
        return self.reduction_factor * (passed if 0 <= passed < self.number_of_period else self.number_of_period)


@dataclass(frozen=True, slots=True)
class DynamicFee:
    """Settings of the part that follows volatility, named as in the program. A control of 0 means there is none."""

    bin_step: int = 1
    variable_fee_control: int = 0
    max_volatility_accumulator: int = 0
    filter_period: int = 0
    decay_period: int = 0
    reduction_factor: int = 0

    def rate(self, accumulator: int) -> int:
        """The part's rate: it grows with the square of the volatility accumulator."""
        swing = accumulator * self.bin_step
        return -(-swing * swing * self.variable_fee_control // VARIABLE_FEE_SCALE)

    def bins_between(self, sqrt_price: int, other_sqrt_price: int) -> int:
        """How many price bins lie between two sqrt prices, the distance taken as simple, not compound, interest."""
        lower, upper = sorted((sqrt_price, other_sqrt_price))
        ratio = (upper << SCALE_BITS) // lower
        return (ratio - (1 << SCALE_BITS)) // ((self.bin_step << SCALE_BITS) // BASIS_POINTS) * 2


class DammVolatility(NamedTuple):
    """How much the price moved lately, named as in the program. A swap pays by it first and moves it then."""

    volatility_accumulator: int = 0
    volatility_reference: int = 0
    sqrt_price_reference: int = 0
    last_update_timestamp: int = 0

    def after_swap(self, before: int, after: int, now: int, dynamic: DynamicFee) -> Self:
        """With a swap at `now` between two sqrt prices: trades in quick succession measure from the same reference."""
        _, reference, price_reference, updated_at = self
        elapsed = max(now - updated_at, 0)
        if elapsed >= dynamic.filter_period:
            price_reference, reference = before, 0
            if elapsed < dynamic.decay_period:
                reference = self.volatility_accumulator * dynamic.reduction_factor // BASIS_POINTS
        accumulator = reference + dynamic.bins_between(after, price_reference) * BASIS_POINTS
        if dynamic.bins_between(before, after):
            updated_at = now
        accumulator = min(accumulator, dynamic.max_volatility_accumulator)
        return self.__class__(accumulator, reference, price_reference, updated_at)


class FeeSplit(NamedTuple):
    """Who gets a fee, in atoms: providers to claim, providers as liquidity, the protocol, the referrer."""

    claiming_fee: int
    compounding_fee: int
    protocol_fee: int
    referral_fee: int


@dataclass(frozen=True, slots=True)
class DammFees:
    """A pool's fee settings, named as in the program; `cliff_fee_numerator` is the base rate before any decay.

    Mode 0 takes the fee from the output, mode 1 always in token B; mode 2 too, and part of it becomes liquidity.
    """

    cliff_fee_numerator: int
    collect_fee_mode: int = FEE_IN_OUTPUT
    compounding_fee_bps: int = 0
    protocol_fee_percent: int = 20
    referral_fee_percent: int = 20
    fee_version: int = 1
    decay: FeeDecay = FeeDecay()
    dynamic: DynamicFee = DynamicFee()

    def rate(self, accumulator: int, now: int) -> int:
        """The whole fee of a swap at `now`."""
        rate = self.cliff_fee_numerator - self.decay.reduction(now)
        if self.dynamic.variable_fee_control:
            rate += self.dynamic.rate(accumulator)
        return min(rate, MAX_RATE_OF_VERSION[self.fee_version])

    def is_valid(self) -> bool:
        """Whether the program could have written these."""
        lowest = self.cliff_fee_numerator - self.decay.reduction_factor * self.decay.number_of_period
        shares = (self.protocol_fee_percent, self.referral_fee_percent, self.compounding_fee_bps)
        return (
            self.collect_fee_mode in (FEE_IN_OUTPUT, FEE_IN_B, COMPOUNDING)
            and self.fee_version in range(len(MAX_RATE_OF_VERSION))
            and 0 <= lowest <= self.cliff_fee_numerator <= MAX_RATE_OF_VERSION[self.fee_version]
            and min(*shares, *astuple(self.decay), *astuple(self.dynamic)) >= 0 < self.dynamic.bin_step
            and max(shares[:2]) <= PERCENT
            and self.compounding_fee_bps <= (BASIS_POINTS if self.collect_fee_mode == COMPOUNDING else 0)
        )

    def split(self, fee: int, has_referral: bool = False) -> FeeSplit:
        """Divide a fee: the protocol first, the referrer from the protocol's part, the rest is the providers'."""
        protocol_fee = fee * self.protocol_fee_percent // PERCENT
        compounding_fee = (fee - protocol_fee) * self.compounding_fee_bps // BASIS_POINTS
        referral_fee = protocol_fee * self.referral_fee_percent // PERCENT if has_referral else 0
        claiming_fee = fee - protocol_fee - compounding_fee
        return FeeSplit(claiming_fee, compounding_fee, protocol_fee - referral_fee, referral_fee)
