"""Orca Whirlpools: liquidity between ticks, kept in arrays of 88; a step ends at initialized ticks only.

Rounding follows the program step by step, so results equal its own to the last atom. A fee that adapts to
volatility (pools with an oracle) is not part of this arithmetic: their state must not be loaded as this kind.
Source: https://github.com/orca-so/whirlpools/blob/main/programs/whirlpool/src/manager/swap_manager.rs
"""

from dataclasses import dataclass
from itertools import pairwise
from typing import Any, ClassVar, Self

from dex.pools.kind import PoolKind
from dex.pools.math.positions import holdings, liquidity_at, ticks_of
from dex.pools.math.ticks import sqrt_price_x64, tick_at
from dex.pools.opening import Opening, positions
from dex.pools.tick_pool import TickPool, TickWalk, read_state

MIN_TICK, MAX_TICK = -443_636, 443_636
TICKS_IN_ARRAY = 88
# A swap takes up to three arrays: the one of the price and two in its direction.
ARRAYS_BESIDE = 2


@dataclass(slots=True)
class WhirlpoolPool(TickPool):
    """An Orca Whirlpool. `tick_array_starts` are the first ticks of the arrays at hand, sorted and without a gap.

    A swap that needs a tick beyond them is refused: the program fails where the arrays it was given run out.
    """

    kind: ClassVar[str] = "orca_whirlpool"
    bits: ClassVar[int] = 64
    tick_limits: ClassVar[tuple[int, int]] = (MIN_TICK, MAX_TICK)
    price_limits: ClassVar[tuple[int, int]] = (sqrt_price_x64(MIN_TICK), sqrt_price_x64(MAX_TICK))
    max_amount: ClassVar[int] = 2**64 - 1

    tick_array_starts: tuple[int, ...]

    sqrt_price_at = staticmethod(sqrt_price_x64)

    def reach(self) -> tuple[int, int]:
        """The first and the last tick of the arrays."""
        starts = self.tick_array_starts
        return max(starts[0], MIN_TICK), min(starts[-1] + TICKS_IN_ARRAY * self.tick_spacing - 1, MAX_TICK)

    def to_state(self) -> dict[str, Any]:
        """See `Pool`."""
        return self._state() | {"tick_array_starts": list(self.tick_array_starts)}

    @classmethod
    def from_state(cls, pool_id: str, venue: str, tokens: tuple[str, ...], state: dict[str, Any]) -> Self:
        """See `Pool`. `ticks` are those initialized in the arrays; there may be others beyond."""
        starts = tuple(state["tick_array_starts"])
        pool = cls(pool_id, venue, tokens, *read_state(state, cls.bits), starts)
        length = max(TICKS_IN_ARRAY * pool.tick_spacing, 1)
        if not starts or starts[0] % length or any(after - before != length for before, after in pairwise(starts)):
            raise ValueError(f"{pool_id}: the tick arrays do not follow each other")
        return pool._checked()

    def _stop(self, tick: int, is_down: bool) -> int | None:
        first, last = self.reach()
        if is_down:
            return first if tick >= first else None
        return last if tick < last else None

    def _moved(self, walk: TickWalk, holdings: tuple[int, int]) -> Self:
        return self.__class__(
            self.pool_id,
            self.venue,
            self.tokens,
            self.fee_rate,
            self.tick_spacing,
            walk.sqrt_price,
            walk.tick,
            walk.liquidity,
            self.ticks,
            holdings,
            self.tick_array_starts,
        )


def _new_state(opening: Opening) -> dict[str, Any]:
    """Positions of several widths. Terms: see `positions`. Liquidity beyond the arrays is there, but out of reach."""
    bits, spacing = WhirlpoolPool.bits, opening.terms["tick_spacing"]
    sqrt_price = opening.sqrt_price(bits)
    tick = tick_at(sqrt_price, bits, sqrt_price_x64)
    made = positions(opening, tick, sqrt_price, bits, (MIN_TICK, MAX_TICK), sqrt_price_x64)
    length = TICKS_IN_ARRAY * spacing
    starts = [(tick // length + number) * length for number in range(-ARRAYS_BESIDE, ARRAYS_BESIDE + 1)]
    return {
        "fee_ppm": opening.fee_ppm,
        "tick_spacing": spacing,
        "sqrt_price_x64": str(sqrt_price),
        "tick": tick,
        "liquidity": str(liquidity_at(made, tick)),
        "ticks": [[at, str(net)] for at, net in ticks_of(made) if starts[0] <= at < starts[-1] + length],
        "balances": [str(atoms) for atoms in holdings(made, sqrt_price, bits, sqrt_price_x64)],
        "tick_array_starts": starts,
    }


KIND = PoolKind(
    "orca_whirlpool",
    WhirlpoolPool,
    _new_state,
    example={"tick_spacing": 64, "ranges": {"full": 20, "6000": 80}},
)
