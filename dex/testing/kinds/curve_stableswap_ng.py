"""Curve StableSwap NG pools, by hand and by hypothesis."""

from hypothesis import strategies as st

from dex.pools.kinds.curve_stableswap_ng.pool import StableFees, StablePool
from dex.pools.kinds.curve_stableswap_ng.stable_math import A_PRECISION, FEE_PRECISION
from dex.testing.kind_tests import KindTests, Sides
from dex.types import PPM

RATE_DIGITS = 36
BALANCED_DIGITS = 9  # decimals of a token whose atom is worth one
FAIR_FEE_PPM = 1_000


def stable_pool(
    pool_id: str,
    tokens: tuple[str, ...],
    reserves: tuple[int, ...],
    decimals: tuple[int, ...],
    *,
    amplification: int = 500,
    fee_ppm: int = 400,
    offpeg_fee_multiplier: int = 0,
    admin_fee: int = 0,
    venue: str = "curve",
) -> StablePool:
    """A pool of coins that are worth the same; as it stands the generic StableSwap, with nothing for the admin."""
    fees = StableFees(fee_ppm * FEE_PRECISION // PPM, offpeg_fee_multiplier, admin_fee)
    rates = tuple(10 ** (RATE_DIGITS - digits) for digits in decimals)
    return StablePool(pool_id, venue, tokens, amplification * A_PRECISION, fees, rates, reserves, (0,) * len(tokens))


@st.composite
def stable_pools(draw: st.DrawFn, pool_id: str, tokens: tuple[str, ...]) -> StablePool:
    """Pools with a fee that stays: off balance, dust and deep, coins that grow.

    Decimals end at 9: where an atom is as small as the contract's own unit, its rounding shows in the prices.
    """
    digits = draw(st.integers(3, 20))
    reserve = st.integers(10 ** (digits - 3), 10**digits)
    return _pool(draw, pool_id, tokens, 0, [(draw(reserve), draw(_decimals)) for _ in tokens])


@st.composite
def moving_stable_pools(draw: st.DrawFn, pool_id: str, tokens: tuple[str, ...]) -> StablePool:
    """Pools with a fee that moves, too deep to be sold out: there it would pay less for more."""
    multiplier = draw(st.sampled_from([2 * FEE_PRECISION, 20 * FEE_PRECISION]))
    held = [(draw(st.integers(10**11, 10**13)), draw(_decimals)) for _ in tokens]
    return _pool(draw, pool_id, tokens, multiplier, [(whole * 10**digits, digits) for whole, digits in held])


_decimals = st.sampled_from([6, 8, 9])


def _pool(
    draw: st.DrawFn, pool_id: str, tokens: tuple[str, ...], multiplier: int, held: list[tuple[int, int]]
) -> StablePool:
    """A pool that holds these atoms of each coin, given with its decimals."""
    fees = StableFees(
        fee=draw(st.sampled_from([0, 1_000_000, 30_000_000])),
        offpeg_fee_multiplier=multiplier,
        admin_fee=draw(st.sampled_from([0, FEE_PRECISION // 2, FEE_PRECISION])),
    )
    rates = tuple(10 ** (RATE_DIGITS - digits - 2) * draw(st.sampled_from([100, 107])) for _, digits in held)
    amp = draw(st.sampled_from([1, 10, 200, 2_000, 20_000])) * A_PRECISION
    reserves, unclaimed = tuple(reserve for reserve, _ in held), tuple(draw(st.integers(0, 10**9)) for _ in held)
    return StablePool(pool_id, "curve", tokens, amp, fees, rates, reserves, unclaimed)


def _pool_at(pool_id: str, tokens: tuple[str, str], sides: Sides) -> StablePool:
    decimals = (BALANCED_DIGITS - sides.digits[0], BALANCED_DIGITS - sides.digits[1])
    return stable_pool(pool_id, tokens, sides.atoms, decimals, fee_ppm=FAIR_FEE_PPM)


TESTS = KindTests(stable_pools, _pool_at)
