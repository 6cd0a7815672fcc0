"""What pools with liquidity between ticks have in common: the walk from tick to tick, and the curve it follows.

A program's own rules (width of prices, where a step must stop) are its subclass's.
"""

from abc import ABC, abstractmethod
from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, ClassVar, NamedTuple, Self

from dex.errors import AmountTooSmall, InsufficientLiquidity
from dex.pools.base import Swap
from dex.pools.curves import Segments
from dex.pools.math.sqrt_price import step_exact_in, step_exact_out
from dex.pools.math.ticks import Tick, tick_at
from dex.pools.tick_ranges import Columns, segment, segments_beyond
from dex.types import PPM


class TickWalk(NamedTuple):
    """How far a swap gets: atoms taken (`fee` included) and paid, and the price, tick and liquidity it leaves."""

    amount_in: int
    amount_out: int
    fee: int
    sqrt_price: int
    tick: int
    liquidity: int


@dataclass(slots=True)
class TickPool(ABC):
    """A pool whose liquidity changes at ticks. Token 0 is sold downwards, token 1 upwards.

    `sqrt_price` is the root of atoms of token 1 per atom of token 0, times 2**`bits`; `fee_rate` is ppm of the
    input; `ticks` are the initialized ones, sorted; `holdings` are the pool's atoms of both tokens, fees included.
    """

    kind: ClassVar[str]
    bits: ClassVar[int]
    tick_limits: ClassVar[tuple[int, int]]  # the lowest and the highest tick there is
    price_limits: ClassVar[tuple[int, int]]  # the lowest and the highest price that a swap comes to
    max_amount: ClassVar[int]  # atoms that the program's own integers hold

    pool_id: str
    venue: str
    tokens: tuple[str, ...]
    fee_rate: int
    tick_spacing: int
    sqrt_price: int
    tick: int
    liquidity: int
    ticks: tuple[Tick, ...]
    holdings: tuple[int, int]

    def swap_exact_in(self, token_in: str, token_out: str, amount_in: int, now: int) -> Swap:
        """See `Pool`. An input that cannot be taken in full is refused, not filled in part."""
        if amount_in <= 0:
            raise AmountTooSmall(f"there is no selling {amount_in} {token_in}")
        is_down = token_in == self.tokens[0]
        walk = self.walk(is_down, amount_in, True)
        if walk.amount_in < amount_in or not self._can_pay(is_down, walk):
            raise InsufficientLiquidity(f"{self.pool_id} cannot take that much {token_in}")
        if not walk.amount_out:
            raise AmountTooSmall(f"{self.pool_id} pays nothing for an amount of {token_in} this small")
        return Swap(amount_in, walk.amount_out, walk.fee, self.after(is_down, walk))

    def swap_exact_out(self, token_in: str, token_out: str, amount_out: int, now: int) -> Swap:
        """See `Pool`. The last whole atom of a range costs all that is left of the range, as in the programs."""
        if amount_out <= 0:
            raise AmountTooSmall(f"{amount_out} {token_out} cannot be bought: the amount must be positive")
        is_down = token_in == self.tokens[0]
        walk = self.walk(is_down, amount_out, False)
        if walk.amount_out < amount_out or not self._can_pay(is_down, walk):
            raise InsufficientLiquidity(f"{self.pool_id} does not hold that much {token_out} within reach")
        return Swap(walk.amount_in, amount_out, walk.fee, self.after(is_down, walk))

    def walk(self, is_down: bool, amount: int, is_exact_in: bool, limit: int | None = None) -> TickWalk:
        """Step until the amount, the ticks in reach or the way to the price `limit` ends.

        Raises: ValueError when `limit` lies the other way.
        """
        limit = self._limit(is_down, limit)
        ticks, bits, fee_rate, price_at = self.ticks, self.bits, self.fee_rate, self.sqrt_price_at
        sqrt_price, tick, liquidity = self.sqrt_price, self.tick, self.liquidity
        step = step_exact_in if is_exact_in else step_exact_out
        ahead, stride = self._ahead(is_down)
        left, taken, paid, fees = amount, 0, 0, 0
        while left and sqrt_price != limit:
            stop = self._stop(tick, is_down) if liquidity else self._stop_in_gap(tick, is_down, limit)
            if stop is None:
                break
            net = None
            if 0 <= ahead < len(ticks) and (ticks[ahead][0] >= stop if is_down else ticks[ahead][0] <= stop):
                stop, net = ticks[ahead]
            start, stop_price = sqrt_price, price_at(stop)
            target = max(stop_price, limit) if is_down else min(stop_price, limit)
            sqrt_price, cost, out, fee = step(start, target, liquidity, left, fee_rate, bits)
            taken, paid, fees = taken + cost + fee, paid + out, fees + fee
            left = amount - (taken if is_exact_in else paid)
            if sqrt_price != stop_price:
                tick = tick if sqrt_price == start else tick_at(sqrt_price, bits, price_at)
                continue
            tick = stop - is_down
            if net is not None:
                ahead += stride
                liquidity += net * stride
        return TickWalk(taken, paid, fees, sqrt_price, tick, liquidity)

    def marginal_price(self, token_in: str, token_out: str, now: int) -> float:
        """See `Pool`: the price at the beginning of the first range with liquidity."""
        is_down = token_in == self.tokens[0]
        for start, _, _ in self._ranges(is_down):
            root = start / (1 << self.bits)
            return (root * root if is_down else 1 / (root * root)) * (1 - self.fee_rate / PPM)
        return 0.0

    def curve(self, token_in: str, token_out: str, now: int) -> Segments:
        """See `Pool`: a segment for each range with liquidity."""
        is_down, kept, bits = token_in == self.tokens[0], 1 - self.fee_rate / PPM, self.bits
        if self._stop(self.tick, is_down) is None:
            return Segments((), (), ())
        ticks, price_at, liquidity = self.ticks, self.sqrt_price_at, self.liquidity
        last, (ahead, stride) = self.reach()[not is_down], self._ahead(is_down)
        beyond: Columns = ((), (), ())
        end = last
        if 0 <= ahead < len(ticks) and (last - ticks[ahead][0]) * stride >= 0:
            end, net = ticks[ahead]
            beyond = segments_beyond(ticks, ahead, last, liquidity + net * stride, kept, bits, is_down, price_at)
        start, stop = self.sqrt_price, price_at(end)
        if not liquidity or stop == start:
            return Segments(*beyond)
        price, curvature, capacity = segment(start, stop, liquidity, kept, bits)
        return Segments((price, *beyond[0]), (curvature, *beyond[1]), (capacity, *beyond[2]))

    def fee_ppm(self, token_in: str, now: int) -> float:
        """See `Pool`."""
        return self.fee_rate

    def fee_moves(self, before: int, now: int) -> bool:
        """See `Pool`."""
        return False

    def balances(self) -> dict[str, int]:
        """See `Pool`."""
        return dict(zip(self.tokens, self.holdings, strict=True))

    def after(self, is_down: bool, walk: TickWalk) -> Self:
        """The pool once a walk is settled."""
        held0, held1 = self.holdings
        if is_down:
            return self._moved(walk, (held0 + walk.amount_in, held1 - walk.amount_out))
        return self._moved(walk, (held0 - walk.amount_out, held1 + walk.amount_in))

    def reach(self) -> tuple[int, int]:
        """The lowest and the highest tick that a swap can come to."""
        return self.tick_limits

    @staticmethod
    @abstractmethod
    def sqrt_price_at(tick: int) -> int:
        """The program's square root price of a tick, times 2**`bits`."""

    @abstractmethod
    def to_state(self) -> dict[str, Any]:
        """See `Pool`."""

    @classmethod
    @abstractmethod
    def from_state(cls, pool_id: str, venue: str, tokens: tuple[str, ...], state: dict[str, Any]) -> Self:
        """See `Pool`."""

    @abstractmethod
    def _stop(self, tick: int, is_down: bool) -> int | None:
        """The tick where a step from `tick` ends at the latest, initialized or not; None where reach ends."""

    def _stop_in_gap(self, tick: int, is_down: bool, limit: int) -> int | None:
        """The same where there is no liquidity: any stop will do up to the price `limit`, since no atom moves."""
        return self._stop(tick, is_down)

    @abstractmethod
    def _moved(self, walk: TickWalk, holdings: tuple[int, int]) -> Self: ...

    def _limit(self, is_down: bool, limit: int | None) -> int:
        lowest, highest = self.price_limits
        if limit is None:
            return lowest if is_down else highest
        if not (lowest <= limit < self.sqrt_price if is_down else self.sqrt_price < limit <= highest):
            raise ValueError(f"{self.pool_id} cannot move to a price that lies the other way")
        return limit

    def _ahead(self, is_down: bool) -> tuple[int, int]:
        """Position in `ticks` of the next one to cross, and the stride to the one after it."""
        above = bisect_left(self.ticks, (self.tick + 1,))
        return (above - 1, -1) if is_down else (above, 1)

    def _ranges(self, is_down: bool) -> Iterator[tuple[int, int, int]]:
        """Ranges with liquidity, nearest first: prices at their near and far end, and the liquidity."""
        last, (ahead, stride) = self.reach()[not is_down], self._ahead(is_down)
        if self._stop(self.tick, is_down) is None:
            return
        start, liquidity = self.sqrt_price, self.liquidity
        for position in range(ahead, -1 if is_down else len(self.ticks), stride):
            tick, net = self.ticks[position]
            if (last - tick) * stride < 0:
                break
            end = self.sqrt_price_at(tick)
            if liquidity and end != start:
                yield start, end, liquidity
            start = end
            liquidity += net * stride
        end = self.sqrt_price_at(last)
        if liquidity and end != start:
            yield start, end, liquidity

    def _can_pay(self, is_down: bool, walk: TickWalk) -> bool:
        return walk.amount_out <= self.holdings[is_down] and max(walk.amount_in, walk.amount_out) <= self.max_amount

    def _checked(self) -> Self:
        """Itself. Raises: ValueError when the state can be no pool of this kind."""
        (lowest, highest), price_at = self.tick_limits, self.sqrt_price_at
        is_valid = (
            len(self.tokens) == 2
            and 0 <= self.fee_rate < PPM
            and self.tick_spacing > 0
            # A swap down that ends on a tick leaves its price with the tick below, at the lowest one too.
            and lowest - 1 <= self.tick <= highest
            and price_at(self.tick) <= self.sqrt_price <= price_at(self.tick + 1)
            and all(before[0] < after[0] for before, after in pairwise(self.ticks))
            and all(lowest <= tick <= highest and tick % self.tick_spacing == 0 for tick, _ in self.ticks)
            and min(self.liquidity, *self.holdings) >= 0
            and all(liquidity > 0 for is_down in (True, False) for _, _, liquidity in self._ranges(is_down))
        )
        if not is_valid:
            raise ValueError(f"{self.pool_id}: not the state of a {self.kind} pool")
        return self

    def _state(self) -> dict[str, Any]:
        return {
            "fee_ppm": self.fee_rate,
            "tick_spacing": self.tick_spacing,
            f"sqrt_price_x{self.bits}": str(self.sqrt_price),
            "tick": self.tick,
            "liquidity": str(self.liquidity),
            "ticks": [[tick, str(net)] for tick, net in self.ticks],
            "balances": [str(amount) for amount in self.holdings],
        }


def read_state(state: dict[str, Any], bits: int) -> tuple[int, int, int, int, int, tuple[Tick, ...], tuple[int, int]]:
    """The fields that `_state` wrote, in the order of the class."""
    ticks = tuple((tick, int(net)) for tick, net in state["ticks"])
    balance0, balance1 = map(int, state["balances"])
    sqrt_price, liquidity = int(state[f"sqrt_price_x{bits}"]), int(state["liquidity"])
    return state["fee_ppm"], state["tick_spacing"], sqrt_price, state["tick"], liquidity, ticks, (balance0, balance1)
