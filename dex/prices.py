"""What a market's prices are at one snapshot, for orders that wait: exact rationals, atoms per atom."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction

from dex.costs import TokenPair


@dataclass(frozen=True, slots=True)
class PairPrice:
    """Prices of one pair, in atoms of token_out per atom of token_in; None where no pools lead from one to the other.

    `marginal` is at least the average price of any route of any amount, after venue fees and before the network fee. It
    is the price of the very first atom along the best path, so a pool of dust may set it. `mid` is the reference price:
    without fees, between selling and buying, weighted by depth so that no small pool sets it. For triggers, never for
    amounts.
    """

    marginal: Fraction | None
    mid: Fraction | None


@dataclass(frozen=True, slots=True)
class PairPool:
    """A pool that swaps token_in of a pair for token_out as it is; `tokens` are all that it trades.

    `held_in` and `held_out` are atoms that it holds of these two, unclaimed fees included.
    """

    pool_id: str
    venue: str
    tokens: tuple[str, ...]
    held_in: int
    held_out: int


@dataclass(frozen=True, slots=True)
class MarketPrices:
    """Prices of pairs at one block: `version` is its number, `time` its time in unix seconds.

    `pools` are those of the pairs whose pools were asked for, and `pool_ids` then all of the chain, also on venues
    that are not traded on.
    """

    version: int
    time: int
    by_pair: Mapping[TokenPair, PairPrice]
    pools: Mapping[TokenPair, tuple[PairPool, ...]] = field(default_factory=dict)
    pool_ids: frozenset[str] = frozenset()
