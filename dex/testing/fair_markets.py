"""Markets in which every token has a value and no circle of swaps gains, by hypothesis."""

from collections.abc import Sequence
from typing import NamedTuple

from hypothesis import strategies as st

from dex.pools import POOL_KINDS, Pool
from dex.testing.constants import TOKENS
from dex.testing.kind_tests import KindTests, Sides, kind_tests
from dex.types import PPM

MAX_DIGIT = 3  # values of atoms are 10**-3 to 10**3
ASIDE_PPM = 300  # of prices; with half a bin step that is less than any fee here

Digits = dict[str, int]

_ALL = [kind_tests(name) for name in sorted(POOL_KINDS)]
_OFF_GRID = [tests for tests in _ALL if not tests.has_price_grid]


class _Plan(NamedTuple):
    """A pool to be made, before its tokens have values; `notional` is the value of all it holds of the first."""

    tests: KindTests
    tokens: tuple[str, str]
    notional: int
    fee_ppm: int
    aside_ppm: int

    def pool(self, pool_id: str, digits: Digits) -> Pool:
        """The pool where an atom of each token is worth 10**digits."""
        first, second = digits[self.tokens[0]], digits[self.tokens[1]]
        atoms = (int(self.notional / 10.0**first), int(self.notional * (1 + self.aside_ppm / PPM) / 10.0**second))
        return self.tests.pool_at(pool_id, self.tokens, Sides(atoms, (first, second), self.fee_ppm))


@st.composite
def fair_markets(draw: st.DrawFn, max_pools: int = 7) -> list[Pool]:
    """A few pools over tokens of fixed values; each price is within the pool's fee of what they say."""
    return _pools(draw(_plans(_ALL, max_pools)), draw(_digits()))


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


def _plans(kinds: Sequence[KindTests], max_pools: int) -> st.SearchStrategy[list[_Plan]]:
    plan = st.builds(
        _Plan,
        st.sampled_from(kinds),
        st.permutations(TOKENS).map(lambda tokens: (tokens[0], tokens[1])),
        st.builds(lambda value, zeros: value * 10**zeros, st.integers(10**7, 10**9), st.integers(0, 7)),
        st.sampled_from([1_000, 3_000, 10_000]),
        st.integers(-ASIDE_PPM, ASIDE_PPM),
    )
    return st.lists(plan, min_size=1, max_size=max_pools)
