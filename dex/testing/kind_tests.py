"""What the contract tests need of a pool kind: pools of every shape, and a pool at a given price."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from importlib import import_module
from importlib.util import find_spec
from typing import NamedTuple

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from dex.pools import POOL_KINDS, Pool, PoolKind, pool_from_state
from dex.pools.opening import Opening
from dex.types import Token

DECIMALS = 9  # of every token of a pool that is made from the record of its kind alone


class Sides(NamedTuple):
    """A pool to be made: atoms of both tokens, of about the same value in all, and the fee.

    An atom of a token is worth 10 to the power of its `digits`.
    """

    atoms: tuple[int, int]
    digits: tuple[int, int] = (0, 0)
    fee_ppm: int = 3_000

    @property
    def price(self) -> float:
        """Atoms of the second token for one of the first."""
        return self.atoms[1] / self.atoms[0]


@dataclass(frozen=True, slots=True)
class KindTests:
    """The test part of a pool kind.

    `strategy` draws pools of every shape, from a pool id and two tokens. `pool_at` makes one whose price is that of
    its sides. `has_price_grid` is set where prices are multiples of a step. The others name what a program does
    that the contract does not allow otherwise.
    """

    strategy: Callable[[str, tuple[str, str]], SearchStrategy[Pool]]
    pool_at: Callable[[str, tuple[str, str], Sides], Pool]
    has_price_grid: bool = False
    # The fee moves along the way, so the curve lies above what these pay by more than rounding.
    moves_fee_within_a_swap: bool = False
    # The router adds an atom to the price of every exact-out swap, also where the quotient leaves no rest.
    adds_an_atom: bool = False
    # A buyer of the last whole atom of a range pays up to its end, for the fraction of an atom there as well.
    charges_for_fractions: bool = False
    # Buys bin by bin; exact in leaves an atom more in a bin that it just fills, and sells to bins that pay nothing.
    buys_bin_by_bin: bool = False


def kind_tests(name: str) -> KindTests:
    """The test part of a kind: `TESTS` of the module with its name in `dex.testing.kinds`, or made from its record."""
    module = f"dex.testing.kinds.{name}"
    if find_spec(module) is None:
        return _from_record(POOL_KINDS[name])
    found = import_module(module).TESTS
    if not isinstance(found, KindTests):
        raise TypeError(f"{module}.TESTS is no KindTests")
    return found


def example_pool(kind: PoolKind, pool_id: str, tokens: tuple[str, str], sides: Sides, venue: str = "") -> Pool:
    """A pool that `new_state` makes with the example's terms, both sides of the same value. Raises: TypeError."""
    if kind.new_state is None:
        raise TypeError(f"{kind.name} has no new_state: it needs a module in dex.testing.kinds")
    values = (Fraction(1), Fraction(sides.atoms[0], sides.atoms[1]))
    made_of = tuple(Token(token, token, DECIMALS) for token in tokens)
    opening = Opening(made_of, values, Fraction(2 * sides.atoms[0]), sides.fee_ppm, kind.example)
    return pool_from_state(kind.name, pool_id, venue or kind.name, tokens, kind.new_state(opening))


def _from_record(kind: PoolKind) -> KindTests:
    def pool_at(pool_id: str, tokens: tuple[str, str], sides: Sides) -> Pool:
        return example_pool(kind, pool_id, tokens, sides)

    def strategy(pool_id: str, tokens: tuple[str, str]) -> SearchStrategy[Pool]:
        amount = st.integers(3, 20).flatmap(lambda digits: st.integers(10 ** (digits - 1), 10**digits))
        fee_ppm = st.sampled_from([100, 500, 3_000, 10_000])
        sides = st.builds(Sides, st.tuples(amount, amount), st.just((0, 0)), fee_ppm)
        return sides.map(lambda drawn: pool_at(pool_id, tokens, drawn))

    return KindTests(strategy, pool_at)


# --- For kinds with a grid of prices -------------------------------------------------------------------------------

REACH = 6_000  # ticks on either side of the price
BIN_STEP = 10  # basis points


def bin_at(sides: Sides) -> int:
    """The bin whose price is nearest, where bins are `BIN_STEP` apart."""
    return round(math.log(sides.price) / math.log1p(BIN_STEP / 10_000))


def depth_at(sides: Sides) -> tuple[int, int]:
    """Atoms of both tokens in each bin."""
    return sides.atoms[0] // 10, sides.atoms[1] // 10


def tick_at(sides: Sides) -> int:
    """The tick whose price is nearest."""
    return round(math.log(sides.price) / math.log1p(1e-4))


def positions_at(sides: Sides, spacing: int) -> list[tuple[int, int, int]]:
    """One position around the price and a narrower one inside it."""
    tick, liquidity = tick_at(sides), math.isqrt(sides.atoms[0] * sides.atoms[1])
    return [
        ((tick - reach) // spacing * spacing, (tick + reach) // spacing * spacing, liquidity)
        for reach in (REACH, REACH // 10)
    ]
