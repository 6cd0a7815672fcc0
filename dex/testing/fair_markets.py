"""Markets in which every token has a value and no circle of swaps gains, by hypothesis."""

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

from hypothesis import strategies as st

from dex.pools import Pool
from dex.pools.positions import Position
from dex.testing.balancer_weighted import weighted_pool
from dex.testing.constants import TOKENS
from dex.testing.curve_stableswap_ng import stable_pool
from dex.testing.meteora_damm_v2 import damm_pool
from dex.testing.meteora_dlmm import dlmm_pool
from dex.testing.orca_whirlpool import whirlpool
from dex.testing.raydium_cpmm import cpmm_pool
from dex.testing.static_bins import bins_pool
from dex.testing.uniswap_v2 import v2_pool
from dex.testing.uniswap_v3 import v3_pool
from dex.types import PPM

MAX_DIGIT = 3  # values of atoms are 10**-3 to 10**3
BALANCED_DIGITS = 9  # decimals of a token whose atom is worth one
REACH = 6_000  # ticks on either side of the price
BIN_STEP = 10  # bp
STABLE_FEE_PPM = 1_000
ASIDE_PPM = 300  # of prices; with half a bin step that is less than any fee here


class _Sides(NamedTuple):
    """A pool to be: atoms of both tokens that are worth the same but for less than the fee, digits of both values."""

    atoms: tuple[int, int]
    digits: tuple[int, int]
    fee_ppm: int

    @property
    def price(self) -> float:
        """Atoms of the second token for one of the first."""
        return self.atoms[1] / self.atoms[0]


Digits = dict[str, int]
Maker = Callable[[str, tuple[str, str], _Sides], Pool]


class _Plan(NamedTuple):
    """What a pool will be, whatever the atoms of its tokens are worth; `worth` is of all it holds of the first."""

    maker: Maker
    tokens: tuple[str, str]
    worth: int
    fee_ppm: int
    aside_ppm: int

    def pool(self, pool_id: str, digits: Digits) -> Pool:
        """The pool where an atom of each token is worth 10**digits."""
        first, second = digits[self.tokens[0]], digits[self.tokens[1]]
        atoms = (int(self.worth / 10.0**first), int(self.worth * (1 + self.aside_ppm / PPM) / 10.0**second))
        return self.maker(pool_id, self.tokens, _Sides(atoms, (first, second), self.fee_ppm))


@st.composite
def fair_markets(draw: st.DrawFn, max_pools: int = 7) -> list[Pool]:
    """A few pools over tokens of fixed values; each price is within the pool's fee of what they say."""
    return _pools(draw(_plans(_MAKERS, max_pools)), draw(_digits()))


@st.composite
def scaled_markets(draw: st.DrawFn, max_pools: int = 7) -> tuple[list[Pool], list[Pool], str]:
    """The same pools twice, and the token that has ten times as many atoms in the second.

    Without ranges and bins: those are where their grid of prices says, not where they were.
    """
    plans, digits = draw(_plans(_OFF_GRID, max_pools)), draw(_digits())
    token = draw(st.sampled_from(TOKENS))
    return _pools(plans, digits), _pools(plans, digits | {token: digits[token] - 1}), token


def _digits() -> st.SearchStrategy[Digits]:
    return st.fixed_dictionaries({token: st.integers(-MAX_DIGIT, MAX_DIGIT) for token in TOKENS})


def _pools(plans: list[_Plan], digits: Digits) -> list[Pool]:
    return [plan.pool(f"pool-{number}", digits) for number, plan in enumerate(plans)]


def _plans(makers: Sequence[Maker], max_pools: int) -> st.SearchStrategy[list[_Plan]]:
    plan = st.builds(
        _Plan,
        st.sampled_from(makers),
        st.permutations(TOKENS).map(lambda tokens: (tokens[0], tokens[1])),
        st.builds(lambda worth, zeros: worth * 10**zeros, st.integers(10**7, 10**9), st.integers(0, 7)),
        st.sampled_from([1_000, 3_000, 10_000]),
        st.integers(-ASIDE_PPM, ASIDE_PPM),
    )
    return st.lists(plan, min_size=1, max_size=max_pools)


def _constant_product(pool_id: str, tokens: tuple[str, str], sides: _Sides) -> Pool:
    return v2_pool(pool_id, tokens, sides.atoms, fee_rate=sides.fee_ppm)


def _raydium(pool_id: str, tokens: tuple[str, str], sides: _Sides) -> Pool:
    return cpmm_pool(pool_id, tokens, sides.atoms, fee_rate=sides.fee_ppm)


def _weighted(pool_id: str, tokens: tuple[str, str], sides: _Sides) -> Pool:
    return weighted_pool(pool_id, tokens, (4 * sides.atoms[0], sides.atoms[1]), (80, 20), has_ratio_limits=False)


def _stable(pool_id: str, tokens: tuple[str, str], sides: _Sides) -> Pool:
    decimals = (BALANCED_DIGITS - sides.digits[0], BALANCED_DIGITS - sides.digits[1])
    return stable_pool(pool_id, tokens, sides.atoms, decimals, fee_ppm=STABLE_FEE_PPM)


def _bins(pool_id: str, tokens: tuple[str, str], sides: _Sides) -> Pool:
    depth = (sides.atoms[0] // 10, sides.atoms[1] // 10)
    return bins_pool(pool_id, tokens, _bin(sides), depth, fee_rate=sides.fee_ppm, bin_step=BIN_STEP)


def _dlmm(pool_id: str, tokens: tuple[str, str], sides: _Sides) -> Pool:
    depth = (sides.atoms[0] // 10, sides.atoms[1] // 10)
    return dlmm_pool(pool_id, tokens, _bin(sides), depth, variable_fee_control=0, bin_step=BIN_STEP)


def _v3(pool_id: str, tokens: tuple[str, str], sides: _Sides) -> Pool:
    return v3_pool(pool_id, tokens, _tick(sides), _positions(sides, 60), fee_rate=sides.fee_ppm)


def _whirlpool(pool_id: str, tokens: tuple[str, str], sides: _Sides) -> Pool:
    return whirlpool(pool_id, tokens, _tick(sides), _positions(sides, 64), fee_rate=sides.fee_ppm)


def _damm(pool_id: str, tokens: tuple[str, str], sides: _Sides) -> Pool:
    return damm_pool(pool_id, tokens, sides.atoms, fee_rate=sides.fee_ppm * 1_000)


def _bin(sides: _Sides) -> int:
    return round(math.log(sides.price) / math.log1p(BIN_STEP / 10_000))


def _tick(sides: _Sides) -> int:
    return round(math.log(sides.price) / math.log1p(1e-4))


def _positions(sides: _Sides, spacing: int) -> list[Position]:
    """One position around the price and a narrower one inside it."""
    tick, liquidity = _tick(sides), math.isqrt(sides.atoms[0] * sides.atoms[1])
    return [
        ((tick - reach) // spacing * spacing, (tick + reach) // spacing * spacing, liquidity)
        for reach in (REACH, REACH // 10)
    ]


_OFF_GRID: tuple[Maker, ...] = (_constant_product, _raydium, _weighted, _stable, _damm)
_MAKERS: tuple[Maker, ...] = (*_OFF_GRID, _bins, _dlmm, _v3, _whirlpool)
