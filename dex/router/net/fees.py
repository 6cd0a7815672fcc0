"""What a route of whole atoms is expected to cost on the network, in the native token and in the side not fixed."""

from __future__ import annotations

import math
from collections.abc import Sequence

from dex.costs import Costs, NetworkFee, TokenPair
from dex.legs import repeats_of, without_wrapping
from dex.pools import Swap
from dex.router.graph.compiled import CompiledMarket
from dex.router.net.costs import crossed
from dex.router.net.repeats import LEAST_SWAPS
from dex.types import Hop, Route


class FeeTable:
    """A chain's costs, and the price of an atom of its native token in the side not fixed; None: pools give none."""

    __slots__ = ("_by_count", "costs", "price")

    def __init__(self, costs: Costs, price: float | None) -> None:
        self.costs, self.price = costs, price
        # Where nothing but the number of swaps counts, the fees by that.
        self._by_count: dict[int, NetworkFee] | None = {} if costs.are_alike else None

    def of(self, market: CompiledMarket, swaps: Sequence[tuple[int, Swap]]) -> NetworkFee:
        """The fee of a route's swaps, each with its edge, in the order of their execution; its value is rounded up."""
        return self._of_count(len(swaps)) or self._valued(self._amount(market, swaps))

    def of_path(self, market: CompiledMarket, path: Sequence[int], swaps: Sequence[Swap]) -> NetworkFee:
        """The same of swaps over the edges of a path."""
        return self._of_count(len(path)) or self.of(market, list(zip(path, swaps, strict=True)))

    def _of_count(self, count: int) -> NetworkFee | None:
        """The fee of so many swaps; None where more than their number counts."""
        if self._by_count is None:
            return None
        fee = self._by_count.get(count)
        if fee is None:
            fee = self._by_count[count] = self._valued(self.costs.per_transaction + count * self.costs.other_swap)
        return fee

    def _valued(self, amount: int) -> NetworkFee:
        return NetworkFee(self.costs.token, amount, None if self.price is None else math.ceil(amount * self.price))

    def _amount(self, market: CompiledMarket, swaps: Sequence[tuple[int, Swap]]) -> int:
        costs, tokens = self.costs, market.edge_tokens
        order = (tokens[swaps[0][0]][0], tokens[swaps[-1][0]][1])
        amount = costs.per_transaction
        for edge, swap in swaps:
            kind = swap.pool_after.kind
            if costs.per_next:
                amount += costs.of_swap(kind, is_next=costs.is_next(order, tokens[edge]))
            else:
                amount += costs.of_swap(kind)
            if costs.per_tick and (tick := costs.of_tick(kind)):
                amount += tick * crossed(market, edge, float(swap.amount_in))
        if costs.per_repeat and len(swaps) >= LEAST_SWAPS:
            amount += self._repeats(market, order, swaps)
        return amount

    def _repeats(self, market: CompiledMarket, order: TokenPair, swaps: Sequence[tuple[int, Swap]]) -> int:
        """What it costs that a route goes leg by leg, if it does."""
        costs = self.costs
        pools = [swap.pool_after for _, swap in swaps]
        hops = tuple(
            Hop(pool.venue, pool.pool_id, *market.edge_tokens[edge], swap.amount_in, swap.amount_out)
            for pool, (edge, swap) in zip(pools, swaps, strict=True)
        )
        repeats = repeats_of(without_wrapping(Route(*order, hops), costs.token, costs.wrapped))
        return sum(costs.of_repeat(pool.kind) * repeats[pool.pool_id] for pool in pools)
