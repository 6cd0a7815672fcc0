"""Uniswap V3: liquidity between ticks; a step ends at every initialized tick and at every edge of a bitmap word.

Rounding follows the contracts step by step, so results equal theirs to the last atom.
Source: https://github.com/Uniswap/v3-core/blob/main/contracts/UniswapV3Pool.sol (swap)
"""

from dataclasses import dataclass
from typing import Any, ClassVar, Self

from dex.fields import INT32_MAX, MAX_WHOLE, Fields
from dex.pools.base import Pool
from dex.pools.kind import PoolKind
from dex.pools.math.positions import holdings, liquidity_at, ticks_of
from dex.pools.math.ticks import sqrt_price_x96, tick_at
from dex.pools.opening import Opening, positions
from dex.pools.tick_pool import TickPool, TickWalk, read_state
from dex.types import PPM

MIN_TICK, MAX_TICK = -887_272, 887_272
# Where a step of a problem file's pool ends beside initialized ticks: at the edges of bitmap words, or nowhere.
_STEPS_AT_WORDS = {"words": True, "ticks": False}
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


def _new_state(opening: Opening) -> dict[str, Any]:
    """Positions of several widths. Terms: see `positions`."""
    bits = UniswapV3Pool.bits
    sqrt_price = opening.sqrt_price(bits)
    tick = tick_at(sqrt_price, bits, sqrt_price_x96)
    made = positions(opening, tick, sqrt_price, bits, (MIN_TICK, MAX_TICK), sqrt_price_x96)
    return {
        "fee_ppm": opening.fee_ppm,
        "tick_spacing": opening.terms["tick_spacing"],
        "sqrt_price_x96": str(sqrt_price),
        "tick": tick,
        "liquidity": str(liquidity_at(made, tick)),
        "ticks": [[at, str(net)] for at, net in ticks_of(made)],
        "balances": [str(atoms) for atoms in holdings(made, sqrt_price, bits, sqrt_price_x96)],
        "steps_at_words": True,
    }


def _problem_pool(fields: Fields, pool_id: str, tokens: tuple[str, str], decimals: tuple[int, int]) -> Pool:
    state = {
        "fee_ppm": fields.whole("fee_ppm", 0, PPM - 1),
        "tick_spacing": fields.whole("tick_spacing", 1, INT32_MAX),
        "sqrt_price_x96": fields.whole("sqrt_price_x96", 1),
        "tick": fields.whole("tick", -INT32_MAX, INT32_MAX),
        "liquidity": fields.whole("liquidity"),
        "ticks": fields.rows("ticks", 2, least=-MAX_WHOLE),
        # The file does not say what the pool holds, and that limits no swap.
        "balances": (MAX_WHOLE, MAX_WHOLE),
        "steps_at_words": fields.choice("steps", _STEPS_AT_WORDS) if fields.has("steps") else True,
    }
    return UniswapV3Pool.from_state(pool_id, fields.text("kind"), tokens, state)


KIND = PoolKind(
    "uniswap_v3",
    UniswapV3Pool,
    _new_state,
    example={"tick_spacing": 60, "ranges": {"full": 20, "6000": 80}},
    problems={"concentrated": _problem_pool, "uniswap_v3": _problem_pool},
)
