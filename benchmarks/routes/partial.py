"""Partial fills of limit orders: distance to the bound on random markets, and what they and prices cost.

    make bench ARGS="routes.partial --markets 500"

First small random markets of up to 8 pools, of all shapes in turn, exact_in and exact_out, with a limit 0.01 to 30 %
below the marginal price and orders of 1 to 100 times what the market takes easily: how many parts are within 0.1 bp of
the bound that no route exceeds, and the worst; apart for markets with pools of three tokens, whose bounds are loose
since each serves one pair in a route. Then generated markets (markets.py) with orders a hundred times as large as
usual at a limit 0.5 % below the market: CPU of a partial quote beside a whole one of the same part, and of the prices
of 50 pairs, as `Engine.prices` has them of a market that it holds. Each figure is CPU in milliseconds of the fastest of
three runs, the median over all orders.
"""

import os

os.environ["OPENBLAS_NUM_THREADS"] = "1"  # read when numpy loads

import argparse
import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from fractions import Fraction
from itertools import permutations
from typing import Final

from benchmarks.markets import GRAPH, GeneratedMarket, market
from benchmarks.programs import NOW, on_chain
from dex.errors import DexError, LimitPriceNotReached
from dex.router import Market, find_route, market_prices
from dex.router.kernel import kernels_on, use_kernels
from dex.testing import request
from dex.tests.router.prices.limit_cases import limit_case, marginal_price
from dex.types import Side, SwapRequest

SHAPES: Final = ("any", "pair", "ticks", "wide")
CLOSE_BPS: Final = 0.1
SIZES: Final = (10, 100, 300)
REPEATS: Final = 3
PAIRS: Final = 50
BELOW: Final = Fraction(995, 1000)
LARGER: Final = 100


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="routes.partial", description=__doc__)
    parser.add_argument("--markets", type=int, default=500)
    parser.add_argument("--orders", type=int, default=20, help="in each generated market")
    parser.add_argument("--numpy", action="store_true", help="without the extra fast, where it is installed")
    chosen = parser.parse_args()
    use_kernels(not chosen.numpy)
    print(f"kernels: {'numba' if kernels_on() else 'numpy'}")
    for is_charged in (False, True):
        _distances(chosen.markets, is_charged=is_charged)
    for pool_count in SIZES:
        _times(pool_count, chosen.orders)


def _distances(markets: int, *, is_charged: bool) -> None:
    gaps: dict[bool, list[float]] = {False: [], True: []}
    without = unproven = 0
    for number in range(markets):
        case = limit_case(number, SHAPES[number % len(SHAPES)], is_charged=is_charged)
        if case is None:
            without += 1
            continue
        try:
            quote = find_route(case.market, case.partly).quote
        except LimitPriceNotReached:
            without += 1
            continue
        if quote.gap_bps is None:
            unproven += 1
        else:
            gaps[case.market.compiled.has_multi_asset_pools].append(quote.gap_bps)
    words = "with network fees" if is_charged else "without network fees"
    print(f"{markets} markets {words}: {without} give no part, {unproven} parts have no bound")
    for has_three, found in gaps.items():
        words = "with pools of three tokens" if has_three else "of pairs alone"
        within = sum(gap <= CLOSE_BPS for gap in found)
        worst = ", ".join(f"{gap:.3g}" for gap in sorted(found)[-3:])
        print(f"  {words:27} {within} of {len(found)} within {CLOSE_BPS} bp of the bound; the last: {worst} bp")


def _times(pool_count: int, orders: int) -> None:
    made = market(pool_count, order_count=orders)
    kept = Market(on_chain(made.problems.graph(GRAPH).pools, 1), NOW, 1)
    partial_ms, whole_ms = [], []
    for asked in _asked(made, kept):
        try:
            quote = find_route(kept.copy(), asked).quote
        except DexError:
            continue
        filled = quote.amount_in if quote.side is Side.EXACT_IN else quote.amount_out
        whole = replace(asked, amount=filled, allow_partial=False, limit_price=None)
        partial_ms.append(_cpu_ms(lambda: find_route(kept.copy(), asked)))  # noqa: B023
        whole_ms.append(_cpu_ms(lambda: find_route(kept.copy(), whole)))  # noqa: B023
    every = list(permutations(sorted(kept.compiled.token_number), 2))
    pairs = every[:: max(1, len(every) // PAIRS)][:PAIRS]
    prices_ms = statistics.median(_cpu_ms(lambda: market_prices(kept, pairs)) for _ in range(orders))
    print(
        f"{pool_count:>4} pools: p50 of {len(partial_ms)} partial quotes {statistics.median(partial_ms):.2f} ms, of"
        f" whole ones of the same parts {statistics.median(whole_ms):.2f} ms; prices of {len(pairs)} pairs"
        f" {prices_ms:.2f} ms"
    )


def _asked(made: GeneratedMarket, kept: Market) -> Iterator[SwapRequest]:
    for case_id in made.problems.case_ids:
        problem = made.problems.problem(case_id)
        asked = request(problem.token_in, problem.token_out, problem.amount * LARGER, problem.side)
        price = marginal_price(kept, asked)
        if price > 0:
            yield replace(asked, limit_price=Fraction(price) * BELOW, allow_partial=True)


def _cpu_ms(work: Callable[[], object]) -> float:
    """Of the fastest run."""
    found = []
    for _ in range(REPEATS):
        began_s = time.process_time()
        work()
        found.append((time.process_time() - began_s) * 1000)
    return min(found)


if __name__ == "__main__":
    main()
