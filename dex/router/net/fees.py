"""What a route of whole atoms is expected to cost on the network, in the native token and in the side not fixed."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from dex.costs import Costs, NetworkFee, TokenPair
from dex.legs import repeats_of, without_wrapping
from dex.pools import Swap
from dex.router.graph.compiled import CompiledMarket
from dex.router.net.costs import crossed
from dex.router.net.repeats import LEAST_SWAPS
from dex.types import Hop, Route


class FeeTable(NamedTuple):
    """A chain's costs, and the price of an atom of its native token in the side not fixed; None: pools give none."""

    costs: Costs
    price: float | None

    def of(self, market: CompiledMarket, swaps: Sequence[tuple[int, Swap]]) -> NetworkFee:
        """The fee of a route's swaps, each with its edge, in the order of their execution; its value is rounded up."""
        costs, ends = self.costs, [market.edge_tokens[edge] for edge, _ in swaps]
        order = (ends[0][0], ends[-1][1])
        amount = costs.per_transaction + self._repeats(order, swaps, ends)
        for (edge, swap), tokens in zip(swaps, ends, strict=True):
            kind = swap.pool_after.kind
            amount += costs.of_swap(kind, is_next=costs.is_next(order, tokens))
            if costs.of_tick(kind):
                amount += costs.of_tick(kind) * crossed(market, edge, float(swap.amount_in))
        return NetworkFee(costs.token, amount, None if self.price is None else math.ceil(amount * self.price))

    def _repeats(self, order: TokenPair, swaps: Sequence[tuple[int, Swap]], ends: Sequence[TokenPair]) -> int:
        """What it costs that a route goes leg by leg, if it does."""
        costs = self.costs
        if not costs.per_repeat or len(swaps) < LEAST_SWAPS:
            return 0
        pools = [swap.pool_after for _, swap in swaps]
        hops = tuple(
            Hop(pool.venue, pool.pool_id, *tokens, swap.amount_in, swap.amount_out)
            for pool, tokens, (_, swap) in zip(pools, ends, swaps, strict=True)
        )
        repeats = repeats_of(without_wrapping(Route(*order, hops), costs.token, costs.wrapped))
        return sum(costs.of_repeat(pool.kind) * repeats[pool.pool_id] for pool in pools)
