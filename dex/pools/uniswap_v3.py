"""Uniswap V3: liquidity between ticks; a step ends at every initialized tick and at every edge of a bitmap word.

Rounding follows the contracts step by step, so results equal theirs to the last atom.
Source: https://github.com/Uniswap/v3-core/blob/main/contracts/UniswapV3Pool.sol (swap)
"""

from dataclasses import dataclass
from typing import Any, ClassVar, Self

from dex.pools.tick_math import sqrt_price_x96, tick_at
from dex.pools.tick_pool import TickPool, TickWalk, read_state

MIN_TICK, MAX_TICK = -887_272, 887_272
WORD_BITS = 8  # a word of the bitmap holds 2**8 ticks of the pool's spacing


@dataclass(slots=True)
class UniswapV3Pool(TickPool):
    """A Uniswap V3 pool. `steps_at_words` is off for pools that step from initialized tick to initialized tick."""

    kind: ClassVar[str] = "uniswap_v3"
    bits: ClassVar[int] = 96
    tick_limits: ClassVar[tuple[int, int]] = (MIN_TICK, MAX_TICK)
    # The router never lets a swap go to the very last price.
    price_limits: ClassVar[tuple[int, int]] = (sqrt_price_x96(MIN_TICK) + 1, sqrt_price_x96(MAX_TICK) - 1)
    max_amount: ClassVar[int] = 2**255 - 1

    steps_at_words: bool = True

    sqrt_price_at = staticmethod(sqrt_price_x96)

    def to_state(self) -> dict[str, Any]:
        """See `Pool`."""
        return self._state() | {"steps_at_words": self.steps_at_words}

    @classmethod
    def from_state(cls, pool_id: str, venue: str, tokens: tuple[str, ...], state: dict[str, Any]) -> Self:
        """See `Pool`. `ticks` are all that are initialized: below and above them there is no liquidity."""
        pool = cls(pool_id, venue, tokens, *read_state(state, cls.bits), state.get("steps_at_words", True))
        begun, left_over = sum(net for tick, net in pool.ticks if tick <= pool.tick), sum(net for _, net in pool.ticks)
        if begun != pool.liquidity or left_over:
            raise ValueError(f"{pool_id}: the ticks do not add up to the liquidity")
        return pool._checked()

    def _stop(self, tick: int, is_down: bool) -> int:
        """The edge of the word that the next tick in the direction belongs to."""
        if not self.steps_at_words:
            return MIN_TICK if is_down else MAX_TICK
        spacing = self.tick_spacing
        if is_down:
            return max((tick // spacing >> WORD_BITS << WORD_BITS) * spacing, MIN_TICK)
        return min((tick // spacing + 1 | (1 << WORD_BITS) - 1) * spacing, MAX_TICK)

    def _stop_in_gap(self, tick: int, is_down: bool, limit: int) -> int:
        """The edge beyond `limit`: steps to the edges before it take nothing, pay nothing and reach them."""
        return self._stop(tick_at(limit, self.bits, self.sqrt_price_at), is_down)

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
            self.steps_at_words,
        )
