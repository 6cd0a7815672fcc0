"""Liquidity in discrete price bins with one fixed fee on the input: the generic kind of problem files.

Bin `id` trades at (1 + bin_step / 10,000) ** id atoms of the second token per atom of the first. Prices are
fractions of any size, so a bin pays the best integer that its price allows.
"""

import math
from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import Any, ClassVar, NamedTuple, Self

from dex.errors import AmountTooSmall, InsufficientLiquidity
from dex.fields import INT32_MAX, MAX_WHOLE, Fields
from dex.pools.base import Pool, Swap
from dex.pools.curves import Segments
from dex.pools.kind import PoolKind
from dex.pools.math.bins import BASIS_POINTS, FEE_PRECISION, before_fee, fee_within
from dex.types import PPM

MAX_LOG_PRICE = 600  # of any bin, so that floats can hold every price

_RATE_PER_PPM = FEE_PRECISION // PPM
# Up to this id fractions are exact, so that round amounts come out round; farther out no amount is that round.
_EXACT_IDS = 64
_MANTISSA_BITS = 256
_VALUE_BITS = 64  # behind the point, where the value of bins is added up

Bin = tuple[int, int, int]  # id, atoms of the first token, atoms of the second


@lru_cache(maxsize=1 << 16)
def bin_price(bin_step: int, bin_id: int) -> tuple[int, int]:
    """(1 + bin_step / 10,000) ** bin_id as numerator and denominator: exact near 0, off by 2**-230 of itself beyond."""
    exponent = abs(bin_id)
    if exponent <= _EXACT_IDS:
        above_one = (BASIS_POINTS + bin_step) ** exponent, BASIS_POINTS**exponent
    else:
        above_one = _power(bin_step, exponent)
    return above_one if bin_id > 0 else above_one[::-1]


class _Walk(NamedTuple):
    """Where an input went: what no bin could take, what was paid, the fee, the last bin's position, bins afterwards."""

    left: int
    amount_out: int
    fee: int
    last_index: int
    bins: list[Bin]


@dataclass(slots=True)
class StaticBinsPool:
    """A pool of bins, sorted by id. `fee_rate` is in ppm, `unclaimed` are fees outside all bins."""

    kind: ClassVar[str] = "bins"

    pool_id: str
    venue: str
    tokens: tuple[str, ...]
    bin_step: int
    active_id: int
    fee_rate: int
    bins: tuple[Bin, ...]
    unclaimed: tuple[int, int] = (0, 0)

    def swap_exact_in(self, token_in: str, token_out: str, amount_in: int, now: int) -> Swap:
        """See `Pool`. An input that the bins cannot take in full is refused, not filled in part."""
        sells_first = token_in == self.tokens[0]
        walk = self._walk(sells_first, max(amount_in, 0))
        if walk.left or not self._has_room(sells_first, amount_in, walk):
            raise InsufficientLiquidity(f"the bins of {self.pool_id} cannot take that much {token_in}")
        if not walk.amount_out:
            raise AmountTooSmall(f"{self.pool_id} pays nothing for an amount of {token_in} this small")
        return self._settle(sells_first, amount_in, walk.amount_out, walk)

    def swap_exact_out(self, token_in: str, token_out: str, amount_out: int, now: int) -> Swap:
        """See `Pool`. The input is the least that pays enough exact-in; the surplus stays in the last bin."""
        if amount_out <= 0:
            raise AmountTooSmall(f"{amount_out} {token_out} cannot be bought: the amount must be positive")
        sells_first = token_in == self.tokens[0]
        amount_in = self._least_input(sells_first, amount_out)
        walk = self._walk(sells_first, amount_in)
        if not self._has_room(sells_first, amount_in, walk):
            raise InsufficientLiquidity(f"the bins of {self.pool_id} hold that much {token_out} only if none rounds")
        return self._settle(sells_first, amount_in, amount_out, walk)

    def marginal_price(self, token_in: str, token_out: str, now: int) -> float:
        """See `Pool`: the price of the first bin that can pay."""
        sells_first = token_in == self.tokens[0]
        for index, _ in self._ahead(sells_first):
            return self._price(sells_first, self.bins[index][0])
        return 0.0

    def curve(self, token_in: str, token_out: str, now: int) -> Segments:
        """See `Pool`: a segment for each bin."""
        sells_first = token_in == self.tokens[0]
        segments = [(self._price(sells_first, self.bins[k][0]), reserve) for k, reserve in self._ahead(sells_first)]
        prices = tuple(price for price, _ in segments)
        return Segments(prices, (0.0,) * len(segments), tuple(reserve / price for price, reserve in segments))

    def fee_ppm(self, token_in: str, now: int) -> float:
        """See `Pool`."""
        return self.fee_rate

    def fee_moves(self, before: int, now: int) -> bool:
        """See `Pool`."""
        return False

    def balances(self) -> dict[str, int]:
        """See `Pool`."""
        first, second = self.tokens
        return {
            first: self.unclaimed[0] + sum(x for _, x, _ in self.bins),
            second: self.unclaimed[1] + sum(y for _, _, y in self.bins),
        }

    def to_state(self) -> dict[str, Any]:
        """See `Pool`."""
        return {
            "bin_step": self.bin_step,
            "active_id": self.active_id,
            "fee_ppm": self.fee_rate,
            "bins": [[bin_id, str(x), str(y)] for bin_id, x, y in self.bins],
            "unclaimed": [str(amount) for amount in self.unclaimed],
        }

    @classmethod
    def from_state(cls, pool_id: str, venue: str, tokens: tuple[str, ...], state: dict[str, Any]) -> Self:
        """See `Pool`."""
        bins = tuple((bin_id, int(x), int(y)) for bin_id, x, y in state["bins"])
        unclaimed_x, unclaimed_y = map(int, state["unclaimed"])
        bin_step, active_id, fee_rate = state["bin_step"], state["active_id"], state["fee_ppm"]
        is_valid = (
            len(tokens) == 2
            and bin_step > 0
            and 0 <= fee_rate < PPM
            and all(before[0] < after[0] for before, after in pairwise(bins))
            and all(min(x, y) >= 0 for _, x, y in bins)
            and max(abs(k) for k in (active_id, *(b[0] for b in bins))) * _log_ratio(bin_step) <= MAX_LOG_PRICE
            and min(unclaimed_x, unclaimed_y) >= 0
        )
        if not is_valid:
            raise ValueError(f"{pool_id}: not the state of a {cls.kind} pool")
        return cls(pool_id, venue, tokens, bin_step, active_id, fee_rate, bins, (unclaimed_x, unclaimed_y))

    def _ahead(self, sells_first: bool) -> Iterator[tuple[int, int]]:
        """Bins that can pay, nearest first: position in `bins`, and what they hold of the output."""
        bins = self.bins
        if sells_first:
            positions, side = range(bisect_left(bins, (self.active_id + 1,)) - 1, -1, -1), 2
        else:
            positions, side = range(bisect_left(bins, (self.active_id,)), len(bins)), 1
        for index in positions:
            if reserve := bins[index][side]:
                yield index, reserve

    def _price(self, sells_first: bool, bin_id: int) -> float:
        """Atoms of the output per atom of the input in a bin, after the fee."""
        kept = 1 - self.fee_rate / PPM
        return kept * math.exp((bin_id if sells_first else -bin_id) * _log_ratio(self.bin_step))

    def _fraction(self, sells_first: bool, index: int) -> tuple[int, int]:
        """Atoms of the output per atom of the input in a bin, before the fee, as numerator and denominator."""
        bin_id = self.bins[index][0]
        return bin_price(self.bin_step, bin_id if sells_first else -bin_id)

    def _walk(self, sells_first: bool, amount_in: int) -> _Walk:
        """Fill bin after bin until the input or the liquidity ends."""
        rate = self.fee_rate * _RATE_PER_PPM
        bins, index, left, total_out, fees = list(self.bins), -1, amount_in, 0, 0
        for index, reserve in self._ahead(sells_first):
            numerator, denominator = self._fraction(sells_first, index)
            cost = -(-reserve * denominator // numerator)
            taken = before_fee(cost, rate)
            if left >= taken:
                fee, paid = taken - cost, reserve
            else:
                taken, fee = left, fee_within(left, rate)
                paid = min((left - fee) * numerator // denominator, reserve)
            bin_id, x, y = bins[index]
            bins[index] = (bin_id, x + taken - fee, y - paid) if sells_first else (bin_id, x - paid, y + taken - fee)
            left -= taken
            total_out += paid
            fees += fee
            if not left:
                break
        return _Walk(left, total_out, fees, index, bins)

    def _has_room(self, sells_first: bool, amount_in: int, walk: _Walk) -> bool:
        """Whether the value of the bins covers an input whose walk ended in the last of them.

        Every bin of the walk rounds what it takes up, so together they would take more than their value.
        """
        bins, side = self.bins, 2 if sells_first else 1
        outwards = range(len(bins)) if sells_first else range(len(bins) - 1, -1, -1)
        if walk.last_index != next((index for index in outwards if bins[index][side]), -1):
            return True
        value = 0
        for index, reserve in self._ahead(sells_first):
            numerator, denominator = self._fraction(sells_first, index)
            value += (reserve * denominator << _VALUE_BITS) // numerator
        return amount_in * (PPM - self.fee_rate) << _VALUE_BITS <= value * PPM

    def _least_input(self, sells_first: bool, amount_out: int) -> int:
        """The least input that pays at least `amount_out`. Raises: InsufficientLiquidity."""
        rate = self.fee_rate * _RATE_PER_PPM
        total, left = 0, amount_out
        for index, reserve in self._ahead(sells_first):
            numerator, denominator = self._fraction(sells_first, index)
            total += before_fee(-(-min(left, reserve) * denominator // numerator), rate)
            if left <= reserve:
                return total
            left -= reserve
        raise InsufficientLiquidity(f"the bins of {self.pool_id} do not hold that much {self.tokens[sells_first]}")

    def _settle(self, sells_first: bool, amount_in: int, amount_out: int, walk: _Walk) -> Swap:
        bins, index, surplus = walk.bins, walk.last_index, walk.amount_out - amount_out
        bin_id, x, y = bins[index]
        if surplus:
            bins[index] = (bin_id, x, y + surplus) if sells_first else (bin_id, x + surplus, y)
        fees_x, fees_y = self.unclaimed
        unclaimed = (fees_x + walk.fee, fees_y) if sells_first else (fees_x, fees_y + walk.fee)
        after = StaticBinsPool(
            self.pool_id, self.venue, self.tokens, self.bin_step, bin_id, self.fee_rate, tuple(bins), unclaimed
        )
        return Swap(amount_in, amount_out, walk.fee, after)


def _log_ratio(bin_step: int) -> float:
    return math.log1p(bin_step / BASIS_POINTS)


def _power(bin_step: int, exponent: int) -> tuple[int, int]:
    """The price of a positive id by squaring, cut to the mantissa after each step, as numerator and denominator."""
    result, shift = 1, 0
    square, square_shift = (BASIS_POINTS + bin_step << _MANTISSA_BITS) // BASIS_POINTS, _MANTISSA_BITS
    while exponent:
        if exponent & 1:
            result, shift = _cut(result * square, shift + square_shift)
        square, square_shift = _cut(square * square, 2 * square_shift)
        exponent >>= 1
    return (result, 1 << shift) if shift > 0 else (result << -shift, 1)


def _cut(mantissa: int, shift: int) -> tuple[int, int]:
    """The same mantissa / 2**shift with fewer digits."""
    extra = mantissa.bit_length() - _MANTISSA_BITS
    return (mantissa >> extra, shift - extra) if extra > 0 else (mantissa, shift)


def _problem_pool(fields: Fields, pool_id: str, tokens: tuple[str, str], decimals: tuple[int, int]) -> Pool:
    state = {
        "fee_ppm": fields.whole("fee_ppm", 0, PPM - 1),
        "bin_step": fields.whole("bin_step", 1, INT32_MAX),
        "active_id": fields.whole("active_id", -INT32_MAX, INT32_MAX),
        "bins": fields.rows("bins", 3, least=-MAX_WHOLE),
        "unclaimed": (0, 0),
    }
    return StaticBinsPool.from_state(pool_id, StaticBinsPool.kind, tokens, state)


KIND = PoolKind("bins", StaticBinsPool, problems={StaticBinsPool.kind: _problem_pool})
