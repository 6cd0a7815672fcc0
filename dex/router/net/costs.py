"""What the swaps of a route cost, edge by edge, in atoms of the token whose amount is not fixed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from dex.costs import Costs
from dex.router.convex.best_path import HOPS, Query, query_of, target_price
from dex.router.convex.flows import Flow
from dex.router.convex.last_hops import LastHops, last_hops, last_hops_at_most
from dex.router.convex.potentials import amounts_reached, path_forward
from dex.router.graph.compiled import CompiledMarket
from dex.router.graph.edges import CompiledEdges
from dex.router.graph.segments import Floats, Ints
from dex.router.net.repeats import Repeats, repeats_in
from dex.router.split_values import SplitOrder

_MOST: Final = 1 << 256  # atoms: no chain counts further
_KEPT: Final = 16  # of what is kept with a market, of each kind
_MARGIN: Final = 1e-9  # of what one swap pays, by which others must pay less: floats are far more exact
_USUAL_SWAPS: Final = 2  # of the transaction whose cost is priced: more would move small pools, fewer would see dust


class EdgeCosts(NamedTuple):
    """Atoms of the numeraire: `swap` for a swap over each edge, `tick` for each of its segments after the first.

    `fixed` is for the transaction, `least` and `most` are the extremes of a swap's cost, and `entry` is by how much the
    cheapest swap out of the source, of which every route has one, is above the least. `ticks` says whether any
    segment costs; `native` is the price of an atom of the chain's native token, 0 where costs are not stated in it.
    `repeats` is what a route costs beyond that where it is executed leg by leg, None where none is: no sum over edges
    has it, so bounds, which need the least that a swap can cost, go without.
    """

    swap: Floats
    tick: Floats
    fixed: float
    least: float
    most: float
    ticks: bool
    native: float
    repeats: Repeats | None = None
    entry: float = 0.0

    @property
    def are_fixed(self) -> bool:
        """Whether all routes cost the same."""
        return not self.most > 0 and not self.ticks

    def of(self, edges: Iterable[int]) -> float:
        """What swaps over these edges cost at least together, without the fixed part."""
        return float(sum(self.swap.item(edge) for edge in edges))

    def of_flows(self, market: CompiledEdges, flows: Iterable[Flow]) -> float:
        """What a route of these swaps costs, without the fixed part; `market` is that of the edges' numbers.

        They come in the order of their execution.
        """
        flows = list(flows)
        if len(flows) == 1:
            cost = self.swap.item(flows[0].edge) + self.of_repeats(flows)
        else:
            cost = self.of(flow.edge for flow in flows) + self.of_repeats(flows)
        if self.ticks:
            cost += sum(self.tick.item(flow.edge) * crossed(market, flow.edge, flow.sold) for flow in flows)
        return cost

    def of_repeats(self, flows: Sequence[Flow]) -> float:
        """What it costs beside its swaps and ticks that a route of these swaps goes leg by leg."""
        return 0.0 if self.repeats is None else self.repeats.of(flows)

    def with_toll(self, toll: float) -> EdgeCosts:
        """The costs where each swap costs `toll` more."""
        return self._replace(swap=self.swap + toll, least=self.least + toll, most=self.most + toll)

    def only(self, edges: Ints) -> EdgeCosts:
        """The costs of some edges, which get new numbers."""
        repeats = None if self.repeats is None else self.repeats.only(edges)
        return self._replace(swap=self.swap[edges], tick=self.tick[edges], repeats=repeats)


def crossed(market: CompiledEdges, edge: int, sold: float) -> int:
    """How many segments after its first an edge reaches into for this amount."""
    first, count = market.first.item(edge), market.count.item(edge)
    return max(0, int(market.before[first : first + count].searchsorted(sold)) - 1)


def uniform(market: CompiledEdges, cost: float) -> EdgeCosts:
    """The same cost for every swap."""
    return EdgeCosts(np.full(market.edge_count, cost), np.zeros(market.edge_count), 0.0, cost, cost, False, 0.0)


def costs_of(market: CompiledMarket, order: SplitOrder, query: Query) -> EdgeCosts | None:
    """The costs of an order's swaps; None where they cost nothing, or nothing that pools can put a price on."""
    if order.costs is not None:
        price = order.native_price
        if price is None:
            price = native_price(market, order.costs, order.token_out if query.is_exact_in else order.token_in)
        return None if price is None else priced(market, order.costs, price, query)
    if not order.swap_cost > 0:
        return None
    cost = float(order.swap_cost)
    if not query.is_exact_in:
        cost *= target_price(market, query) or 0.0
    return uniform(market, cost) if cost > 0 else None


def native_price(market: CompiledMarket, costs: Costs, token: str) -> float | None:
    """Atoms of a token that pools give for an atom of the native token; None where none do, or none could.

    At the size of what a usual route costs, so that dust pools do not price it, and before the order: no route is
    charged by the prices that it makes itself.
    """
    amount = _usual(costs)
    if amount is None:
        return None
    if token == costs.token:
        return 1.0
    source, target = market.token_number.get(costs.token), market.token_number.get(token)
    if source is None or target is None:
        return None
    paid = _along_best_prices(market, source, target, amount)
    if paid is not None:
        return paid / amount
    with np.errstate(all="ignore"):
        query = query_of(market, costs.token, token, amount, True)
        levels = amounts_reached(market, query.price, query.source, query.target, query.amount, HOPS)
        while len(levels) > 1 and not _is_simple(market, path_forward(market, query.price, levels, query.target)):
            levels = levels[:-1]
    price = levels[-1].item(query.target) / query.amount
    return price if price > 0 else None


def _usual(costs: Costs) -> float | None:
    """Atoms of the native token that a usual route costs, at least one; None where that is more than any chain has."""
    swap = max([costs.other_swap, *costs.per_swap.values()])
    others = (*costs.per_tick.values(), *costs.per_next.values(), *costs.per_repeat.values())
    if max(costs.per_transaction, swap, *others) > _MOST:
        return None
    return float(max(costs.per_transaction + _USUAL_SWAPS * swap, 1))


def _along_best_prices(market: CompiledMarket, source: int, target: int, amount: float) -> float | None:
    """What the path of the best prices pays by the curves' summaries; None where another may pay as much."""
    paid = _along_last_hops(market, last_hops_at_most(market, source, target), source, target, amount)
    if paid is None:
        paid = _along_last_hops(market, last_hops(market, market.pair_price, source, target), source, target, amount)
    return paid


def _along_last_hops(
    market: CompiledMarket, hops: LastHops | None, source: int, target: int, amount: float
) -> float | None:
    """The same by these prices, which are the market's or no lower."""
    if hops is None or not hops.into_target:
        return None
    token = max(hops.into_target, key=hops.into_target.__getitem__)
    others = max([price for tail, price in hops.into_target.items() if tail != token], default=0.0)
    paid = amount
    if token != source:
        paid = _best_paid(market, source, token, amount)
        if not paid * (1 - _MARGIN) > hops.by_several(token) * amount:
            return None
    paid = _best_paid(market, token, target, paid)
    return paid if paid * (1 - _MARGIN) > others * amount else None


def _best_paid(market: CompiledMarket, tail: int, head: int, amount: float) -> float:
    """The most that one swap pays for an amount, by the curves' summaries."""
    edges = market.edges_between(tail, head)
    columns: list[list[float]] = [
        array[edges.start : edges.stop].tolist() for array in (market.price, market.capacity, market.steepness)
    ]
    best = 0.0
    for price, capacity, steepness in zip(*columns, strict=True):
        sold = amount if amount < capacity else capacity
        paid = price * sold / (1 + steepness * sold)
        if paid > best:
            best = paid
    return best


def _is_simple(market: CompiledMarket, path: list[int]) -> bool:
    """Whether a path comes to no token twice: where cycles gain, one that does seems to pay more."""
    return len(set(market.head[path].tolist())) == len(path)


def priced(market: CompiledMarket, costs: Costs, price: float, query: Query) -> EdgeCosts:
    """The costs of a chain at this price of its native token."""
    atoms = _atoms_of(market, costs)
    swap, tick = atoms.swap * price, atoms.tick * price if atoms.has_ticks else atoms.tick
    has_ticks = atoms.has_ticks and bool(tick.any())
    if atoms.of_any is not None and not costs.per_next:
        least = atoms.of_any * price if _are_usable(market, query) else 0.0
        repeats = repeats_in(market, costs, price, query)
        return EdgeCosts(swap, tick, costs.per_transaction * price, least, least, has_ticks, price, repeats)
    is_usable = (query.price > 0) & _leads_on(market, query)
    if costs.per_next:
        is_next = _are_next(market, costs, query)
        swap[is_next] = _of_kinds(market, partial(costs.of_swap, is_next=True))[is_next] * price
    usable, out = swap[is_usable], swap[is_usable & (market.tail == query.source)]
    least, most = (float(usable.min()), float(usable.max())) if len(usable) else (0.0, 0.0)
    repeats, entry = repeats_in(market, costs, price, query), float(out.min()) - least if len(out) else 0.0
    fixed = costs.per_transaction * price
    return EdgeCosts(swap, tick, fixed, least, most, has_ticks, price, repeats, entry)


def _are_usable(market: CompiledMarket, query: Query) -> bool:
    """Whether a route may use any edge: mostly one from the source to the target, which is looked at first."""
    direct = market.edges_between(query.source, query.target)
    if direct and query.price.item(direct.start) > 0:
        return True
    return bool(((query.price > 0) & _leads_on(market, query)).any())


class _Atoms(NamedTuple):
    """A chain's costs of a swap, and of a tick, over each edge, and of a swap where all cost the same; else None.

    `has_ticks` says whether any tick costs.
    """

    costs: Costs
    swap: Floats
    tick: Floats
    of_any: float | None
    has_ticks: bool


def _atoms_of(market: CompiledMarket, costs: Costs) -> _Atoms:
    """Kept with the market, since a chain states the same costs for every order of a snapshot."""
    kept: dict[int, _Atoms] = market.kept.setdefault("atoms", {})
    found = kept.get(id(costs))
    if found is None or found.costs is not costs:
        swap = _of_kinds(market, costs.of_swap)
        of_any = swap.item(0) if len(swap) and swap.min() == swap.max() else None
        tick = _of_kinds(market, costs.of_tick)
        found = _Atoms(costs, swap, tick, of_any, bool(tick.any()))
        if len(kept) >= _KEPT:
            kept.clear()
        kept[id(costs)] = found
    return found


def _of_kinds(market: CompiledMarket, of: Callable[[str], int]) -> Floats:
    """What a cost by kind is for each edge."""
    return np.array([of(kind) for kind in market.kinds], float)[market.edge_kind]


def _are_next(market: CompiledMarket, costs: Costs, query: Query) -> NDArray[np.bool_]:
    """`Costs.is_next` of a swap over each edge: it depends on what is sold, but for wrapping."""
    order = market.tokens[query.source], market.tokens[query.target]
    are_next = np.array([costs.is_next(order, (token, "")) for token in market.tokens])[market.tail]
    native, wrapped = (market.token_number.get(token, -1) for token in (costs.token, costs.wrapped))
    is_wrapping = ((market.tail == native) & (market.head == wrapped)) | (
        (market.tail == wrapped) & (market.head == native)
    )
    for edge in np.flatnonzero(is_wrapping).tolist():
        are_next[edge] = costs.is_next(order, market.edge_tokens[edge])
    return are_next


def _leads_on(market: CompiledMarket, query: Query) -> NDArray[np.bool_]:
    """Edges but those into and out of tokens that are traded for one other alone: no route leads through such a token.

    Kept with the market: it is a matter of which pools there are.
    """
    kept: dict[tuple[int, int], NDArray[np.bool_]] = market.kept.setdefault("leads on", {})
    found = kept.get((query.source, query.target))
    if found is None:
        is_end = np.bincount(market.pair_tail, minlength=market.token_count) == 1
        is_end[[query.source, query.target]] = False
        found = ~np.asarray(is_end[market.tail] | is_end[market.head])
        if len(kept) >= _KEPT:
            kept.clear()
        kept[query.source, query.target] = found
    return found
