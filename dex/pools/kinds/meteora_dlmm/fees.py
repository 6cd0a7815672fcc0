"""The fee of a Meteora DLMM pool: a fixed part, and one that follows how much the price moved lately.

Source: https://github.com/MeteoraAg/dlmm-sdk (commons/src/extensions/lb_pair.rs)
"""

from dataclasses import dataclass
from typing import NamedTuple, Self

from dex.pools.math.bins import BASIS_POINTS

MAX_FEE_RATE = 100_000_000
BASE_FEE_UNIT = 10  # a base factor of 10,000 at a bin step of 1 charges one basis point
VARIABLE_FEE_SCALE = 100_000_000_000
FEE_ON_INPUT, FEE_IN_Y = 0, 1


@dataclass(frozen=True, slots=True)
class DlmmFees:
    """A pool's fee settings, named as in the program. Times are seconds, shares are out of 10,000."""

    base_factor: int
    filter_period: int
    decay_period: int
    reduction_factor: int
    variable_fee_control: int
    max_volatility_accumulator: int
    protocol_share: int
    base_fee_power_factor: int = 0
    collect_fee_mode: int = FEE_ON_INPUT

    def base_rate(self, bin_step: int) -> int:
        """The part of the fee, out of 1e9, that never moves."""
        rate: int = self.base_factor * bin_step * BASE_FEE_UNIT * 10**self.base_fee_power_factor
        return rate

    def rate(self, base_rate: int, bin_step: int, accumulator: int) -> int:
        """The whole fee, out of 1e9: its variable part grows with the square of the volatility accumulator."""
        if self.variable_fee_control:
            swing = accumulator * bin_step
            base_rate -= -swing * swing * self.variable_fee_control // VARIABLE_FEE_SCALE
        return base_rate if base_rate < MAX_FEE_RATE else MAX_FEE_RATE


class Volatility(NamedTuple):
    """How much the price moved lately, named as in the program; the variable fee follows from it."""

    volatility_accumulator: int
    volatility_reference: int
    index_reference: int
    last_update_timestamp: int

    def before_swap(self, active_id: int, now: int, fees: DlmmFees) -> Self:
        """With the references a swap at `now` measures from: they hold still while trades follow each other closely."""
        elapsed = now - self.last_update_timestamp
        if elapsed < fees.filter_period:
            reference, index = self.volatility_reference, self.index_reference
        elif elapsed < fees.decay_period:
            reference, index = self.volatility_accumulator * fees.reduction_factor // BASIS_POINTS, active_id
        else:
            reference, index = 0, active_id
        return self.__class__(self.volatility_accumulator, reference, index, now)

    def accumulator_at(self, bin_id: int, fees: DlmmFees) -> int:
        """The accumulator once a swap has come to a bin."""
        accumulator = self.volatility_reference + abs(self.index_reference - bin_id) * BASIS_POINTS
        return accumulator if accumulator < fees.max_volatility_accumulator else fees.max_volatility_accumulator
