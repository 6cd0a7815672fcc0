"""The request to the search for a split, and its result."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from dex.costs import Costs, NetworkFee
from dex.pools import Pool
from dex.router.time_limit import UNLIMITED, TimeLimit
from dex.types import Hop, Side


# Neither changes. They are not frozen, since that makes one take several times as long to make.
@dataclass(slots=True)
class SplitOrder:
    """What is to be routed: `amount` is atoms of token_in for exact_in, of token_out for exact_out.

    `costs` are what the chain charges for a route, at `native_price` of an atom of its token in the side that is not
    fixed (None: at what pools give for it), or `swap_cost` what each of its swaps costs, in atoms of token_out
    (where the output is fixed: what those are worth). `max_swaps`, `max_hops` (swaps in a row)
    and `max_legs` (paths side by side) limit its size; None: unlimited. No venues allowed means all are. After
    `time_limit` the best route found so far is taken; without one the effort is bounded but not timed, so that the
    same order on the same market always gives the same route.
    """

    token_in: str
    token_out: str
    side: Side
    amount: int
    swap_cost: float = 0.0
    max_swaps: int | None = None
    max_hops: int | None = None
    max_legs: int | None = None
    allow_venues: frozenset[str] = field(default_factory=frozenset)
    deny_venues: frozenset[str] = field(default_factory=frozenset)
    deny_tokens: frozenset[str] = field(default_factory=frozenset)
    time_limit: TimeLimit = UNLIMITED
    costs: Costs | None = None
    native_price: float | None = None


@dataclass(slots=True)
class Split:
    """A route with its proof.

    `swaps` sell each token only after all that buy it; `amount_in` and `amount_out` are what they add up to, in
    whole atoms through the pools' own arithmetic. `float_amount` is the side that was not fixed, without rounding,
    and `cost` that of the whole route in the same token. `bound` holds for every route: on output less cost for
    exact_in, on input plus cost for exact_out; `gap_bps` is how far this route is from it in basis points of
    `float_amount`. `is_proven` says that the gap is closed, but for rounding, `step` which step of the search was the
    last. `network_fee` is the cost in atoms of the chain's native token, where `SplitOrder.costs` are given. `prices`
    are the marginal ones of the route's tokens, in atoms of token_out per atom; `pools_after` the pools it goes
    through as it leaves them.
    """

    swaps: tuple[Hop, ...]
    amount_in: int
    amount_out: int
    float_amount: float
    cost: float
    bound: float
    gap_bps: float
    is_proven: bool
    step: str
    network_fee: NetworkFee | None
    prices: Mapping[str, float]
    pools_after: tuple[Pool, ...]
