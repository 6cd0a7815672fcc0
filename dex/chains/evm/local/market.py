"""The tokens and pools of the local chain: several fee tiers and ranges, decimals from 6 to 18."""

from decimal import Decimal
from typing import NamedTuple


class LocalToken(NamedTuple):
    """A token with its price in US dollars, from which pools are opened."""

    symbol: str
    name: str
    decimals: int
    usd: Decimal


class LocalPool(NamedTuple):
    """A pool of two tokens that holds about `usd` of each. No `fee`: a V2 pair, of the second factory `is_of_fork`.

    `ranges` are half the width of each position round the price, in ticks; None: all there are.
    """

    tokens: tuple[str, str]
    usd: int
    fee: int | None = None
    ranges: tuple[int | None, ...] = ()
    is_of_fork: bool = False


FORK = "sushiswap_v2"
WRAPPED = "WETH"
NATIVE = "ETH"
TOKENS = (
    LocalToken("WETH", "Wrapped Ether", 18, Decimal(3_000)),
    LocalToken("USDC", "USD Coin", 6, Decimal(1)),
    LocalToken("USDT", "Tether USD", 6, Decimal(1)),
    LocalToken("DAI", "Dai Stablecoin", 18, Decimal(1)),
    LocalToken("WBTC", "Wrapped Bitcoin", 8, Decimal(95_000)),
)
POOLS = (
    LocalPool(("WETH", "USDC"), 2_000_000),
    LocalPool(("WETH", "DAI"), 800_000),
    LocalPool(("WBTC", "WETH"), 3_000_000),
    LocalPool(("USDC", "USDT"), 500_000),
    LocalPool(("WETH", "USDC"), 5_000_000, 500, (200, 1_000, 6_000)),
    LocalPool(("WETH", "USDC"), 3_000_000, 3_000, (1_200, 12_000, None)),
    LocalPool(("USDC", "USDT"), 4_000_000, 100, (5, 40, 400)),
    LocalPool(("DAI", "USDC"), 3_000_000, 100, (10, 200)),
    LocalPool(("WBTC", "WETH"), 4_000_000, 3_000, (1_800, 9_000)),
    LocalPool(("WBTC", "USDC"), 1_000_000, 3_000, (6_000,)),
    LocalPool(("WETH", "DAI"), 400_000, 10_000, (4_000, None)),
    LocalPool(("WETH", "USDC"), 1_200_000, is_of_fork=True),
    LocalPool(("WETH", "DAI"), 500_000, is_of_fork=True),
)


def atoms_worth(symbol: str, usd: int) -> int:
    """Atoms of a token that are worth `usd` US dollars."""
    token = next(token for token in TOKENS if token.symbol == symbol)
    return int(usd / token.usd * 10**token.decimals)
