"""What a route costs beyond its swaps where a chain executes it leg by leg: a pool that legs share swaps for each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np

from dex.costs import Costs
from dex.legs import repeats_of, without_wrapping
from dex.router.convex.best_path import Query
from dex.router.convex.flows import Flow
from dex.router.graph.compiled import CompiledMarket
from dex.router.graph.segments import Floats, Ints
from dex.types import Hop, Route

LEAST_SWAPS: Final = 3  # of a route that goes leg by leg


class Repeats(NamedTuple):
    """`again` is the cost of one more swap over each edge, in atoms of the numeraire; `tokens` are those of the market.

    The route is that between two of these tokens; `native` and `wrapped` are as `Costs` names them.
    """

    again: Floats
    tokens: Sequence[str]
    ends: tuple[str, str]
    native: str
    wrapped: str

    def of(self, flows: Sequence[Flow]) -> float:
        """What the route of these flows, in the order of their execution, costs more than its swaps."""
        if len(flows) < LEAST_SWAPS or len({flow.tail for flow in flows}) == len(flows):
            return 0.0
        hops = tuple(self._hop(flow) for flow in flows)
        repeats = repeats_of(without_wrapping(Route(*self.ends, hops), self.native, self.wrapped))
        return float(sum(self.again.item(int(edge)) * count for edge, count in repeats.items()))

    def _hop(self, flow: Flow) -> Hop:
        tail, head = self.tokens[flow.tail], self.tokens[flow.head]
        return Hop("", str(flow.edge), tail, head, max(1, int(flow.sold)), max(1, int(flow.paid)))

    def only(self, edges: Ints) -> Repeats:
        """Of some edges, which get new numbers."""
        return self._replace(again=self.again[edges])


def repeats_in(market: CompiledMarket, costs: Costs, price: float, query: Query) -> Repeats | None:
    """Those of a chain at this price of its native token; None where it executes no route leg by leg."""
    if not costs.per_repeat:
        return None
    again = np.array([costs.of_repeat(kind) for kind in market.kinds], float)[market.edge_kind] * price
    ends = market.tokens[query.source], market.tokens[query.target]
    return Repeats(again, market.tokens, ends, costs.token, costs.wrapped)
