"""The best split without cost per swap: a reduced problem that grows until no edge outside it could earn.

Starts from the best single path: at its marginal prices every edge that could improve on it shows what it would
earn, in the order's own size, so pools that only look cheap for dust are left out.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np

from dex.router import interior
from dex.router.certificate import Stakes, earned_by_pool, stakes
from dex.router.compiled import CompiledMarket
from dex.router.edge_curves import buy, sell
from dex.router.flows import Carried, Flow, Plan, carry_backward, carry_forward, plan
from dex.router.pieces import CAPACITY, PRICE, ROWS, Floats, Ints, Pieces
from dex.router.potentials import amounts_needed, amounts_reached, onward_prices, path_backward, path_forward

HOPS: Final = 5  # of the first path and of what can be reached from it
GAP: Final = 5e-7  # relative distance to the bound that is good enough (0.005 bp)
DUST: Final = 3e-6  # share of the order below which a flow is no flow
ROUNDS: Final = 16
FIRST_EDGES: Final = 100
MORE_EDGES: Final = 64
LARGEST: Final = 16.0  # units a piece can take, at most: in none of them does an optimum sell more than the order
LAST_RESORTS: Final = (0.03, 1e-6)  # price, in units, of an edge that always has room: flow on it is missing liquidity


class Query(NamedTuple):
    """What is asked, in numbers: `price` and `pair_price` are the market's, zero where no route may go."""

    source: int
    target: int
    amount: float
    is_exact_in: bool
    price: Floats
    pair_price: Floats


class Optimum(NamedTuple):
    """A route with its true float amounts, and what no route can beat.

    `prices` are per atom of each token in atoms of the numeraire (the target for exact_in, the source for
    exact_out); `missing` is the share of the order that could not be filled.
    """

    carried: Carried
    bound: float
    prices: Floats
    missing: float
    iterations: int

    @property
    def value(self) -> float:
        """What the target gets (exact_in) or the source gives (exact_out)."""
        return self.carried.value


class Guess(NamedTuple):
    """The best single path: its flows, what it pays or costs, prices after it, and units of each token."""

    path: list[int]
    carried: Carried
    prices: Floats
    units: Floats
    fall: float


def best_split(market: CompiledMarket, query: Query) -> Optimum | None:
    """The optimum over all edges; None when nothing joins the two tokens."""
    guess = best_path(market, query)
    if guess is None:
        return None
    search = _Search(market, query, guess)
    found = stakes(market, query.price, guess.prices, search.depth)
    bound = bound_of(market, query, guess.prices, found)
    if is_close(query, guess.carried.value, bound):
        return Optimum(guess.carried, bound, guess.prices, 0.0, 0)
    search.depth[guess.path] = market.count[guess.path]
    search.grow(found, guess.prices, guess.fall / 2, FIRST_EDGES)
    return search.run()


def best_path(market: CompiledMarket, query: Query) -> Guess | None:
    """The best path by the summary curves, at its true prices; None when there is none."""
    source, target, amount, price = query.source, query.target, query.amount, query.price
    if query.is_exact_in:
        levels = amounts_reached(market, price, source, target, amount, HOPS)
        if not levels[-1][target] > 0:
            return None
        path = path_forward(market, price, levels, target)
    else:
        for _ in range(60):
            levels = amounts_needed(market, price, source, target, amount, HOPS)
            if levels[-1][source] < np.inf:
                break
            amount /= 2  # no single path can pay it all: the cheapest one for a part gives prices to start from
        else:
            return None
        path = path_backward(market, price, levels, source)
    return _guess(market, query, path, np.where(np.isfinite(levels[-1]), levels[-1], 0.0))


def _guess(market: CompiledMarket, query: Query, path: list[int], units: Floats) -> Guess:
    slopes, flows, missing = [], [], 0.0
    amount = query.amount
    for edge in path if query.is_exact_in else reversed(path):
        traded = (sell if query.is_exact_in else buy)(market, edge, amount)
        amount = traded.paid if query.is_exact_in else traded.sold
        missing += traded.missing
        flows.append(Flow(edge, int(market.tail[edge]), int(market.head[edge]), traded.sold, traded.paid))
        slopes.append(max(traded.slope, 1e-6 * float(query.price[edge])))
    fall = 1.0
    nu = [1.0]
    if query.is_exact_in:
        for slope in reversed(slopes):
            nu.append(nu[-1] * slope)
        nu.reverse()
    else:
        flows.reverse()
        slopes.reverse()
        for slope in slopes:
            nu.append(nu[-1] / slope)
    for edge, slope in zip(path, slopes, strict=True):
        fall *= slope / float(query.price[edge])
    tokens = [flow.tail for flow in flows] + [query.target]
    prices = onward_prices(market, query.pair_price, query.source, np.array(tokens), np.array(nu))
    if missing:
        amount = 0.0 if query.is_exact_in else np.inf
    return Guess(path, Carried(amount, flows, slopes, missing), prices, units, 1 - fall)


def bound_of(market: CompiledMarket, query: Query, prices: Floats, found: Stakes) -> float:
    """What no route can beat at these prices."""
    earned = found.stake.sum() if len(found.edge) < 2 else earned_by_pool(market, found)[1].sum()
    if query.is_exact_in:
        return float(prices[query.source] * query.amount + earned)
    return float(prices[query.target] * query.amount - earned)


def is_close(query: Query, value: float, bound: float, gap: float = GAP) -> bool:
    """Whether a value is within the relative gap of its bound."""
    return bound <= value * (1 + gap) if query.is_exact_in else value <= bound * (1 + gap)


def carry_until(market: CompiledMarket, ways: Plan, query: Query, slope: float) -> Carried:
    """Sell as much of the source as brings the amount of the target; `slope` is what more of it pays.

    For plans that use up a pool: the last digit of its output would decide whether a backward pass succeeds.
    """
    amount = sum(flow.sold for flow in ways[0])
    for _ in range(8):
        carried = carry_forward(market, ways, query.source, query.target, amount)
        short = query.amount - carried.value
        if abs(short) <= 1e-13 * query.amount or carried.missing > DUST * amount:
            break
        amount += short / slope
    return Carried(amount, carried.flows, carried.slopes, carried.missing)


class _Search:
    """The edges in play: `depth` is how many pieces of each edge are."""

    def __init__(self, market: CompiledMarket, query: Query, guess: Guess) -> None:
        self.market, self.query = market, query
        self.units = guess.units
        self.prices = guess.prices
        self.depth = np.zeros(market.edge_count, np.intp)
        self.is_known = np.zeros(len(market.tokens), bool)  # tokens that carry flow
        self.is_known[[flow.tail for flow in guess.carried.flows]] = True
        self.is_known[query.target] = True
        self.iterations = 0
        self.last_resort = LAST_RESORTS[0]

    def grow(self, found: Stakes, prices: Floats, slack: float, limit: int) -> None:
        """Take in the edges that would earn most, and the ways on from tokens they are the first to reach."""
        market, units = self.market, self.units
        good = np.flatnonzero((found.outside > 0) & (units[market.tail[found.edge]] > 0))
        if len(good) > limit:
            good = good[np.argsort(-found.outside[good], kind="stable")[:limit]]
        chosen = [found.edge[good]]
        is_seen = self.is_known.copy()
        tokens = market.head[found.edge[good]]
        for _ in range(HOPS):
            tokens = np.unique(tokens[~is_seen[tokens]])
            if not len(tokens):
                break
            is_seen[tokens] = True
            edges = self._onward(tokens, prices, slack)
            chosen.append(edges)
            tokens = market.head[edges]
        self._deepen(np.concatenate(chosen), prices, slack)

    def _onward(self, tokens: Ints, prices: Floats, slack: float) -> Ints:
        """The edges that sell these tokens for nearly the best price."""
        market, price = self.market, self.query.price
        start, count = market.tail_start[tokens], market.tail_start[tokens + 1] - market.tail_start[tokens]
        ends = count.cumsum()
        place = np.arange(int(ends[-1])) + np.repeat(start - ends + count, count)
        edges = market.tail_order[place]
        worth = price[edges] * prices[market.head[edges]]
        return edges[worth >= prices[market.tail[edges]] * (1 - slack - 1e-9)]

    def _deepen(self, edges: Ints, prices: Floats, slack: float) -> None:
        """Play those pieces of the edges that start within the slack, and one more."""
        market = self.market
        columns, owner, _ = market.columns_of(edges, market.count[edges])
        worth = market.table[PRICE, columns] * prices[market.head[edges]][owner]
        near = worth >= (prices[market.tail[edges]] * (1 - slack - 1e-9))[owner]
        pieces = np.bincount(owner, near, len(edges)).astype(np.intp) + 1
        np.maximum.at(self.depth, edges, np.minimum(pieces, market.count[edges]))

    def run(self) -> Optimum:
        """Solve, price all edges, grow; until nothing outside could earn."""
        market, query = self.market, self.query
        for _ in range(ROUNDS):
            edges, sold, resort = self._solve()
            found = stakes(market, query.price, self.prices, self.depth)
            bound = bound_of(market, query, self.prices, found)
            if found.outside.sum() > 0.02 * GAP * bound:
                self.grow(found, self.prices, 1e-3, MORE_EDGES)
            elif resort > DUST and self.last_resort > LAST_RESORTS[-1]:
                self.last_resort = LAST_RESORTS[-1]
            else:
                break
        flows = [
            Flow(*row)
            for row in zip(
                edges.tolist(), market.tail[edges].tolist(), market.head[edges].tolist(), *sold.tolist(), strict=True
            )
        ]
        return Optimum(self._carry(flows, resort), bound, self.prices, resort, self.iterations)

    def _carry(self, flows: list[Flow], resort: float) -> Carried:
        query = self.query
        ways = plan(flows, query.source, query.target)
        if query.is_exact_in or resort > DUST:
            return carry_forward(self.market, ways, query.source, query.target, query.amount)
        carried = carry_backward(self.market, ways, query.source, query.target, query.amount)
        return carry_until(self.market, ways, query, 1 / self.prices[query.target]) if carried.missing else carried

    def _solve(self) -> tuple[Ints, Floats, float]:
        """Edges that carry flow, with atoms sold and paid, and the share no edge could carry. Sets the prices."""
        market, query, units = self.market, self.query, self.units
        program, edges, owner, tokens = self._program()
        numeraire = query.target if query.is_exact_in else query.source
        guess = self.prices[tokens] * units[tokens] / units[numeraire]
        solution = interior.solve(program, guess)
        self.iterations += solution.iterations
        sold = np.bincount(owner, solution.flow, len(edges) + 1)[1:]
        paid = np.bincount(owner, program.pieces.values(solution.flow), len(edges) + 1)[1:]
        active = np.flatnonzero(sold > DUST)
        edges = edges[active]
        tail, head = market.tail[edges], market.head[edges]
        self.is_known[:] = False
        self.is_known[tail] = self.is_known[head] = True
        known = self.is_known[tokens]
        prices = solution.prices[known] * units[numeraire] / units[tokens[known]]
        self.prices = onward_prices(market, query.pair_price, query.source, tokens[known], prices)
        return edges, np.stack((sold[active] * units[tail], paid[active] * units[head])), self._unfilled(solution)

    def _unfilled(self, solution: interior.Solution) -> float:
        """The share of the order on the edge of last resort."""
        flow = float(solution.flow[0])
        return flow if self.query.is_exact_in else flow * self.last_resort

    def _program(self) -> tuple[interior.Program, Ints, Ints, Ints]:
        """The reduced problem, its edges, which edge each piece is of (from 1; 0: the last resort), its tokens."""
        market, query, units = self.market, self.query, self.units
        edges = self._trimmed()
        tail, head = market.tail[edges], market.head[edges]
        numeraire = query.target if query.is_exact_in else query.source
        is_used = np.zeros(len(market.tokens), bool)
        is_used[tail] = is_used[head] = True
        is_used[numeraire] = False
        tokens = np.append(np.flatnonzero(is_used), numeraire)
        local = np.zeros(len(market.tokens), np.intp)
        local[tokens] = np.arange(len(tokens))
        columns, owner, _ = market.columns_of(edges, self.depth[edges])
        pieces, order = market.pieces(columns, units[tail].take(owner), units[head].take(owner))
        owner = owner[order]
        size = len(owner) + 1
        table = np.empty((ROWS, size))
        table[:, 0] = 0.0
        table[PRICE, 0] = self.last_resort
        table[:, 1:] = pieces.table
        np.minimum(table[CAPACITY], LARGEST, out=table[CAPACITY])
        table[CAPACITY, 0] = LARGEST if query.is_exact_in else LARGEST / self.last_resort
        ends = np.empty((2, size), np.intp)
        ends[0, 0], ends[1, 0] = local[query.source], local[query.target]
        ends[0, 1:], ends[1, 1:] = local[tail].take(owner), local[head].take(owner)
        supply = np.zeros(len(tokens) - 1)
        supply[ends[0, 0] if query.is_exact_in else ends[1, 0]] = 1.0 if query.is_exact_in else -1.0
        whole = Pieces(table, pieces.hyperbolas + 1, pieces.powers - pieces.hyperbolas)
        owner = np.append(0, owner + 1)
        return interior.Program(whole, ends[0], ends[1], len(tokens) - 1, supply), edges, owner, tokens

    def _trimmed(self) -> Ints:
        """The edges in play without those that lead nowhere or come from nowhere, which leave the play."""
        market, query = self.market, self.query
        edges = np.flatnonzero(self.depth)
        while True:
            tail, head = market.tail[edges], market.head[edges]
            is_sold = np.zeros(len(market.tokens), bool)
            is_bought = is_sold.copy()
            is_sold[tail] = is_sold[query.target] = True
            is_bought[head] = is_bought[query.source] = True
            keep = is_sold[head] & is_bought[tail]
            if keep.all():
                return edges
            self.depth[edges[~keep]] = 0
            edges = edges[keep]


def query_of(
    market: CompiledMarket,
    token_in: str,
    token_out: str,
    amount: float,
    is_exact_in: bool,
    allowed: Floats | None = None,
) -> Query:
    """The query, with edges that no route may use priced at zero: not allowed, into the source, out of the target."""
    source, target = market.token_number[token_in], market.token_number[token_out]
    price = market.price.copy() if allowed is None else market.price * allowed
    price[market.head_start[source] : market.head_start[source + 1]] = 0.0
    price[market.tail_order[market.tail_start[target] : market.tail_start[target + 1]]] = 0.0
    pair_price = market.pair_price if allowed is None else market.pair_prices(price)
    return Query(source, target, amount, is_exact_in, price, pair_price)
