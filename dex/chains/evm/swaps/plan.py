"""A route as a list of steps that a router contract takes one after the other, in one transaction.

A step is a chain of swaps of one kind through tokens that nothing else of the route touches. What a step pays for the
next ones waits in the router, and the step that sells it takes all that is there. Where an intermediate token is sold
to several pools that is not possible: then the route goes leg by leg, each leg alone through its pools.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from dex.chains.evm.pools.discovery import PoolFacts
from dex.errors import BroadcastRejected
from dex.legs import goes_leg_by_leg, legs_of
from dex.types import Hop, Route


@dataclass(frozen=True, slots=True)
class Step:
    """Swaps in a row through pools of one kind and one router.

    `is_first` is paid by the wallet, `is_last` pays the route's output.
    """

    hops: tuple[Hop, ...]
    pools: tuple[PoolFacts, ...]
    is_first: bool
    is_last: bool

    @property
    def is_v3(self) -> bool:
        """The kind of its pools."""
        return self.pools[0].is_v3

    @property
    def router(self) -> str:
        """The fork's router that it goes through; empty for the chain's own."""
        return self.pools[0].router

    @property
    def addresses(self) -> list[str]:
        """The tokens it passes through, in order."""
        pairs = [_ends(hop, facts) for hop, facts in zip(self.hops, self.pools, strict=True)]
        return [pairs[0][0], *(token_out for _, token_out in pairs)]

    @property
    def amount_in(self) -> int:
        """Atoms that the route plans to sell in it."""
        return self.hops[0].amount_in

    @property
    def amount_out(self) -> int:
        """Atoms that the route expects of it."""
        return self.hops[-1].amount_out


def steps_of(route: Route, facts: Mapping[str, PoolFacts]) -> list[Step]:
    """The steps of a route between two ERC-20 tokens. Raises: BroadcastRejected for a pool that is not known."""
    for hop in route.hops:
        if hop.pool_id not in facts:
            raise BroadcastRejected(f"there is no pool {hop.pool_id} on this chain that is known here")
    if not goes_leg_by_leg(route):
        return _joined(route.hops, route, facts)
    return [step for leg in legs_of(route) for step in _joined(leg.hops, route, facts)]


def _joined(hops: Sequence[Hop], route: Route, facts: Mapping[str, PoolFacts]) -> list[Step]:
    """Chains of hops of one kind that nothing flows into or out of on the way; in an order that can be executed."""
    bought = Counter(hop.token_out for hop in hops)
    by_input = {hop.token_in: hop for hop in hops if hop.token_in != route.token_in}
    steps = []
    for hop in hops:
        if hop.token_in != route.token_in and _continues(hop, hops, bought, facts):
            continue  # it belongs to the step that buys what it sells
        chain = [hop]
        while (after := by_input.get(chain[-1].token_out)) is not None and _continues(after, hops, bought, facts):
            chain.append(after)
        pools = tuple(facts[item.pool_id] for item in chain)
        is_first, is_last = hop.token_in == route.token_in, chain[-1].token_out == route.token_out
        # As early as its first hop: the step that sells what it buys comes after its last one anyway.
        steps.append(Step(tuple(chain), pools, is_first, is_last))
    return steps


def _continues(hop: Hop, hops: Sequence[Hop], bought: Counter[str], facts: Mapping[str, PoolFacts]) -> bool:
    """Whether the one hop that buys its input is of its kind and router, so that both are one call."""
    if bought[hop.token_in] != 1:
        return False
    (before,) = (item for item in hops if item.token_out == hop.token_in)
    one, other = facts[before.pool_id], facts[hop.pool_id]
    return (one.is_v3, one.router) == (other.is_v3, other.router)


def _ends(hop: Hop, facts: PoolFacts) -> tuple[str, str]:
    first, second = facts.tokens
    if (hop.token_in, hop.token_out) == (first.symbol, second.symbol):
        return first.address, second.address
    if (hop.token_in, hop.token_out) == (second.symbol, first.symbol):
        return second.address, first.address
    raise BroadcastRejected(f"pool {facts.address} does not swap {hop.token_in} for {hop.token_out}")
