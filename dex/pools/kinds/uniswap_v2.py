"""Uniswap V2 and its forks: constant product with one fee on the input, which stays in the reserves.

Rounding follows the router and the pair, so results equal theirs to the last atom.
Source: https://github.com/Uniswap/v2-periphery/blob/master/contracts/libraries/UniswapV2Library.sol
"""

import math
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, ClassVar, Self

from dex.errors import AmountTooSmall, InsufficientLiquidity
from dex.fields import Fields
from dex.pools.base import Pool, Swap
from dex.pools.curves import Segments
from dex.pools.kind import PoolKind
from dex.pools.opening import Opening
from dex.types import PPM

# The pair keeps each reserve in 112 bits and reverts where one would outgrow them.
# Source: https://github.com/Uniswap/v2-core/blob/master/contracts/UniswapV2Pair.sol (_update)
MAX_RESERVE = 2**112 - 1


@dataclass(slots=True)
class UniswapV2Pool:
    """A Uniswap V2 pair. `reserves` are in the order of `tokens`; `fee_rate` is in ppm, 3,000 in the original."""

    kind: ClassVar[str] = "uniswap_v2"
    max_reserve: ClassVar[float] = MAX_RESERVE

    pool_id: str
    venue: str
    tokens: tuple[str, ...]
    reserves: tuple[int, int]
    fee_rate: int = 3_000

    def swap_exact_in(self, token_in: str, token_out: str, amount_in: int, now: int) -> Swap:
        """See `Pool`. A reserve that would outgrow the pair is refused as liquidity that is not there."""
        i = self.tokens.index(token_in)
        reserve_in, reserve_out = self.reserves[i], self.reserves[1 - i]
        weighed = amount_in * (PPM - self.fee_rate)
        amount_out = weighed * reserve_out // (reserve_in * PPM + weighed) if amount_in > 0 else 0
        if not amount_out:
            raise AmountTooSmall(f"{self.pool_id} pays nothing for an amount of {token_in} this small")
        return self._settle(i, amount_in, amount_out)

    def swap_exact_out(self, token_in: str, token_out: str, amount_out: int, now: int) -> Swap:
        """See `Pool`. The router adds an atom to every quotient, also to one without a rest."""
        i = self.tokens.index(token_in)
        reserve_in, reserve_out = self.reserves[i], self.reserves[1 - i]
        if amount_out <= 0:
            raise AmountTooSmall(f"{amount_out} {token_out} cannot be bought: the amount must be positive")
        if amount_out >= reserve_out:
            raise InsufficientLiquidity(f"{self.pool_id} does not hold that much {token_out}")
        amount_in = reserve_in * amount_out * PPM // ((reserve_out - amount_out) * (PPM - self.fee_rate)) + 1
        return self._settle(i, amount_in, amount_out)

    def marginal_price(self, token_in: str, token_out: str, now: int) -> float:
        """See `Pool`."""
        i = self.tokens.index(token_in)
        return self.reserves[1 - i] / self.reserves[i] * (1 - self.fee_rate / PPM)

    def curve(self, token_in: str, token_out: str, now: int) -> Segments:
        """See `Pool`: one segment, up to what the reserve can still grow."""
        i = self.tokens.index(token_in)
        room = float(self.max_reserve - self.reserves[i])
        if not room:
            return Segments((), (), ())
        curvature = (1 - self.fee_rate / PPM) / self.reserves[i]
        return Segments((self.marginal_price(token_in, token_out, now),), (curvature,), (room,))

    def fee_ppm(self, token_in: str, now: int) -> float:
        """See `Pool`."""
        return self.fee_rate

    def fee_moves(self, before: int, now: int) -> bool:
        """See `Pool`."""
        return False

    def balances(self) -> dict[str, int]:
        """See `Pool`."""
        return dict(zip(self.tokens, self.reserves, strict=True))

    def to_state(self) -> dict[str, Any]:
        """See `Pool`."""
        return {"reserves": [str(amount) for amount in self.reserves], "fee_ppm": self.fee_rate}

    @classmethod
    def from_state(cls, pool_id: str, venue: str, tokens: tuple[str, ...], state: dict[str, Any]) -> Self:
        """See `Pool`."""
        reserve0, reserve1 = map(int, state["reserves"])
        fee_rate: int = state["fee_ppm"]
        is_valid = len(tokens) == 2 and 0 <= fee_rate < PPM and min(reserve0, reserve1) > 0
        if not is_valid or max(reserve0, reserve1) > cls.max_reserve:
            raise ValueError(f"{pool_id}: not the state of a {cls.kind} pool")
        return cls(pool_id, venue, tokens, (reserve0, reserve1), fee_rate)

    def _settle(self, i: int, amount_in: int, amount_out: int) -> Swap:
        reserve_in, reserve_out = self.reserves[i] + amount_in, self.reserves[1 - i] - amount_out
        if reserve_in > self.max_reserve:
            raise InsufficientLiquidity(f"{self.pool_id} cannot hold that much {self.tokens[i]}")
        reserves = (reserve_out, reserve_in) if i else (reserve_in, reserve_out)
        after = self.__class__(self.pool_id, self.venue, self.tokens, reserves, self.fee_rate)
        return Swap(amount_in, amount_out, amount_in - amount_in * (PPM - self.fee_rate) // PPM, after)


@dataclass(slots=True)
class ConstantProductPool(UniswapV2Pool):
    """A pair of a problem file: the same fee and rounding, and reserves without an upper limit."""

    kind: ClassVar[str] = "constant_product"
    max_reserve: ClassVar[float] = math.inf


def _new_state(opening: Opening) -> dict[str, Any]:
    """The same value of both tokens."""
    reserves = [str(opening.atoms(i, Fraction(1, 2))) for i in range(2)]
    return {"reserves": reserves, "fee_ppm": opening.fee_ppm}


def _problem_pool(fields: Fields, pool_id: str, tokens: tuple[str, str], decimals: tuple[int, int]) -> Pool:
    state = {"reserves": fields.wholes("reserves", 2, least=1), "fee_ppm": fields.whole("fee_ppm", 0, PPM - 1)}
    return ConstantProductPool.from_state(pool_id, ConstantProductPool.kind, tokens, state)


KIND = PoolKind("uniswap_v2", UniswapV2Pool, _new_state, problems={ConstantProductPool.kind: _problem_pool})
