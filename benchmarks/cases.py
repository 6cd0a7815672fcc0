"""Orders for benchmarks of the router: in generated markets of a size, of both sides, free or at a cost per swap."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import NamedTuple

from benchmarks.markets import GRAPH, GeneratedMarket, market, pair_market
from benchmarks.programs import NOW, on_chain
from dex.router.graph.compiled import CompiledMarket
from dex.router.split_values import SplitOrder

MODES = ("exact_in", "exact_out")
PAIR_SIZES = (2, 5, 12, 30, 60)
ORDERS_PER_MARKET = 10
MOST_SWAPS = (2, 4)
COSTS = (0.02, 0.2, 2.0, 20.0)  # dollars a swap

Cases = Callable[[int, Sequence[int] | None], "Iterator[Case]"]  # (about how many orders, seeds of the markets)


class Case(NamedTuple):
    """An order, the market it is for, and what an atom of each token is worth in dollars.

    `name` says how to make it again.
    """

    name: str
    market: CompiledMarket
    order: SplitOrder
    values: dict[str, float]


def in_markets_of(pool_count: int) -> Cases:
    """Orders of both modes over several markets of a size."""

    def cases(orders: int, seeds: Sequence[int] | None = None) -> Iterator[Case]:
        each = max(ORDERS_PER_MARKET, orders * pool_count // 20_000)  # large markets take long to make
        count = max(1, orders // (2 * each))
        for seed in seeds or range(1, count + 1):
            for mode in MODES:
                yield from _cases(f"{pool_count}/{seed}/{mode}", market(pool_count, seed, each, mode), seed)

    return cases


def between_two(orders: int, seeds: Sequence[int] | None = None) -> Iterator[Case]:
    """Orders of both modes in markets of one pair."""
    count = max(1, orders // (len(PAIR_SIZES) * len(MODES) * ORDERS_PER_MARKET))
    for seed in seeds or range(1, count + 1):
        for pool_count in PAIR_SIZES:
            for mode in MODES:
                made = pair_market(pool_count, seed, ORDERS_PER_MARKET, mode)
                yield from _cases(f"pair of {pool_count}/{seed}/{mode}", made, seed)


def few_swaps(pool_count: int) -> Cases:
    """The same orders with a limit on swaps."""

    def cases(orders: int, seeds: Sequence[int] | None = None) -> Iterator[Case]:
        for number, case in enumerate(in_markets_of(pool_count)(orders, seeds)):
            yield case._replace(order=replace(case.order, max_swaps=MOST_SWAPS[number % len(MOST_SWAPS)]))

    return cases


def at_most_in_a_row(hops: int, pool_count: int) -> Cases:
    """The same orders with a limit on swaps in a row, on any number of paths."""

    def cases(orders: int, seeds: Sequence[int] | None = None) -> Iterator[Case]:
        for case in in_markets_of(pool_count)(orders, seeds):
            yield case._replace(order=replace(case.order, max_hops=hops))

    return cases


def at_costs(case: Case) -> Iterator[Case]:
    """The order at each cost per swap."""
    for dollars in COSTS:
        order = replace(case.order, swap_cost=dollars / case.values[case.order.token_out])
        yield case._replace(name=f"{case.name}/{dollars:g}", order=order)


def only(cases: Iterable[Case], part: int, parts: int) -> Iterator[Case]:
    """Every `parts`-th of the cases, for work that several processes share."""
    return (case for number, case in enumerate(cases) if number % parts == part)


def _cases(name: str, made: GeneratedMarket, seed: int) -> Iterator[Case]:
    compiled = CompiledMarket(on_chain(made.problems.graph(GRAPH).pools, seed), NOW)
    for case_id in made.problems.case_ids:
        problem = made.problems.problem(case_id)
        order = SplitOrder(problem.token_in, problem.token_out, problem.side, problem.amount)
        yield Case(f"{name}/{case_id}", compiled, order, made.values)
