"""Small fair markets and orders at a cost, from a seed: of one pair or more, pools of three tokens, ticks and bins."""

from __future__ import annotations

import random
from typing import Final, NamedTuple

from dex.pools import POOL_KINDS, Pool
from dex.router.split_values import SplitOrder
from dex.testing import TOKENS
from dex.testing.kind_tests import Sides, kind_tests, tick_at
from dex.testing.kinds.balancer_weighted import weighted_pool
from dex.testing.kinds.curve_stableswap_ng import BALANCED_DIGITS, stable_pool
from dex.testing.kinds.uniswap_v3 import v3_pool
from dex.types import PPM, Side

MOST_POOLS: Final = 8
SHAPES: Final = ("any", "pair", "wide", "ticks")
_ASIDE_PPM: Final = 300  # of prices: less than any fee here
_NOTIONAL: Final = (11.0, 14.0)  # powers of ten: value of what a pool holds of its first token
_DEEP: Final = 10**3  # times that where atoms are far apart, for orders as much smaller beside the pools
_FEES_PPM: Final = (1_000, 3_000, 10_000)
_REACHES: Final = (120, 360, 1_200, 3_000, 6_000)  # ticks from the price to the ends of a pool's positions
_SHARE_OF_POOLS: Final = (-4.0, -0.9)  # powers of ten: of what pools hold, the order
_PERCENTS: Final = (50, 30, 20)  # weights of three tokens
_ODD: Final = {"any": (0.2, 0.2), "pair": (0.0, 0.3), "wide": (0.6, 0.1), "ticks": (0.0, 0.7), "apart": (0.0, 0.0)}
_DIGITS: Final = {"apart": (-9, 3)}  # of values of atoms: tokens of 18 and of 6 decimals
_KINDS: Final = {"apart": ("curve_stableswap_ng", "uniswap_v2")}  # whose integers hold such amounts

Digits = dict[str, int]


class Example(NamedTuple):
    """A market and an order in it."""

    pools: list[Pool]
    order: SplitOrder


def example(seed: int, shape: str = "any", most_pools: int = MOST_POOLS, side: Side | None = None) -> Example:
    """An order of a size that most pools can take, in a market whose prices agree within fees.

    `shape` says what there is more of: pools of three tokens or of many ticks, or just one pair. "apart": values of
    atoms are.
    """
    rng = random.Random(f"{shape} {seed}")
    digits = {token: rng.choice(_DIGITS.get(shape, range(-2, 3))) for token in TOKENS}
    tokens = tuple(rng.sample(TOKENS, 2 if shape == "pair" else rng.choice((3, 4, 4))))
    pools = [_pool(rng, f"pool-{number}", tokens, digits, shape) for number in range(rng.randint(2, most_pools))]
    traded = sorted({token for pool in pools for token in pool.tokens})
    token_in, token_out = rng.sample(traded, 2)
    side = side or rng.choice(tuple(Side))
    fixed = token_in if side is Side.EXACT_IN else token_out
    worth = min(_held(pools, digits, token) for token in (token_in, token_out))
    share = 10 ** rng.uniform(*_SHARE_OF_POOLS) / (_DEEP if shape == "apart" else 1)
    amount = int(worth * share / 10.0 ** digits[fixed]) + 1
    return Example(pools, SplitOrder(token_in, token_out, side, amount))


def _held(pools: list[Pool], digits: Digits, token: str) -> float:
    """The value of all that pools hold of a token."""
    return sum(pool.balances()[token] for pool in pools if token in pool.tokens) * 10.0 ** digits[token]


def _pool(rng: random.Random, pool_id: str, tokens: tuple[str, ...], digits: Digits, shape: str) -> Pool:
    notional, fee_ppm = 10 ** rng.uniform(*_NOTIONAL) * (_DEEP if shape == "apart" else 1), rng.choice(_FEES_PPM)
    wide, ticks = _ODD[shape]
    draw = rng.random()
    if draw < wide:
        return _three(rng, pool_id, rng.sample(tokens, 3), digits, notional)
    first, second = rng.sample(tokens, 2)
    aside = 1 + rng.randint(-_ASIDE_PPM, _ASIDE_PPM) / PPM
    atoms = int(notional / 10.0 ** digits[first]), int(notional * aside / 10.0 ** digits[second])
    sides = Sides(atoms, (digits[first], digits[second]), fee_ppm)
    if draw < wide + ticks:
        return _ticks(rng, pool_id, (first, second), sides)
    return kind_tests(rng.choice(_KINDS.get(shape, sorted(POOL_KINDS)))).pool_at(pool_id, (first, second), sides)


def _three(rng: random.Random, pool_id: str, tokens: list[str], digits: Digits, notional: float) -> Pool:
    """A pool of three tokens, at their values."""
    atoms = tuple(int(notional / 10.0 ** digits[token]) for token in tokens)
    if rng.random() < 1 / 2:
        decimals = tuple(BALANCED_DIGITS - digits[token] for token in tokens)
        return stable_pool(pool_id, tuple(tokens), atoms, decimals, fee_ppm=1_000)
    reserves = tuple(atom * percent // 20 for atom, percent in zip(atoms, _PERCENTS, strict=True))
    return weighted_pool(pool_id, tuple(tokens), reserves, _PERCENTS, has_ratio_limits=False)


def _ticks(rng: random.Random, pool_id: str, tokens: tuple[str, str], sides: Sides) -> Pool:
    """A pool whose liquidity changes at many ticks on the way of an order."""
    tick, liquidity = tick_at(sides), int((sides.atoms[0] * sides.atoms[1]) ** 0.5)
    positions = [
        ((tick - reach) // 60 * 60, (tick + reach) // 60 * 60, int(liquidity * rng.uniform(0.2, 1.5)) + 1)
        for reach in (*rng.sample(_REACHES[:-1], 3), _REACHES[-1])
    ]
    return v3_pool(pool_id, tokens, tick, positions, fee_rate=sides.fee_ppm)
