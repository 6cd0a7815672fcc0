"""Routing problems at a cost per swap, with the best routes known: a file of the form `routing-cases/1`.

In `reference.constrained` stand the best route found (`net_out`, `gross_out`, `swaps`, `pools`) and `upper_bound`, what
no route nets more than; `proven_optimal` where the two are within 0.1 bp of `gross_out`.

Run: python -m benchmarks.cost_problems FILE [--seconds 4]
"""

import os

os.environ["OPENBLAS_NUM_THREADS"] = "1"  # read when numpy loads

import argparse
import json
from collections.abc import Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any, Final

from benchmarks.cases import COSTS
from benchmarks.deep import DeepSearch
from benchmarks.markets import GRAPH, GeneratedMarket, market
from benchmarks.net import CLOSE_BPS
from benchmarks.programs import NOW
from benchmarks.references import BP, edges_of
from dex.problems.document import SCHEMA
from dex.router.graph.compiled import CompiledMarket
from dex.router.split import find_split
from dex.router.split_values import Split, SplitOrder

GRAPHS: Final = ((30, 51, 16), (30, 52, 16), (100, 53, 20), (100, 54, 20), (300, 55, 40))  # pools, seed, cases
ORDERS: Final = 4  # in a market for each case that is taken
MOST_SINGLE: Final = 0.2  # share of the cases of a graph that are best in one swap
COSTS_OF_AN_ORDER: Final = (1e-5, 0.02)  # least and most share of its value that a swap costs
RULES: Final = "as in routing_cases.json; each swap costs swap_cost atoms of token_out"


def document(seconds: float) -> dict[str, Any]:
    """All graphs and their cases."""
    graphs: dict[str, Any] = {}
    cases: list[dict[str, Any]] = []
    for pool_count, seed, count in GRAPHS:
        made, name = market(pool_count, seed, ORDERS * count), f"cg{pool_count}-{seed}"
        graphs[name] = made.document["graphs"][GRAPH]
        for case in islice(_cases(made, name, seconds, MOST_SINGLE * count), count):
            cases.append({"id": f"c{len(cases):03}", "group": f"swap_cost, {pool_count} pools", **case})
            print(cases[-1]["id"], cases[-1]["reference"]["constrained"], flush=True)
    return {"schema": SCHEMA, "rules": RULES, "graphs": graphs, "cases": cases}


def _cases(made: GeneratedMarket, graph: str, seconds: float, most_single: float) -> Iterator[dict[str, Any]]:
    """Orders at a cost that matters to them."""
    compiled = CompiledMarket(made.problems.graph(GRAPH).pools, NOW)
    single = 0
    for number, case_id in enumerate(made.problems.case_ids):
        problem = made.problems.problem(case_id)
        order = SplitOrder(problem.token_in, problem.token_out, problem.side, problem.amount)
        free = find_split(compiled, order)
        cost = float(f"{COSTS[number % len(COSTS)] / made.values[order.token_out]:.4g}")
        if not COSTS_OF_AN_ORDER[0] <= cost / free.float_amount <= COSTS_OF_AN_ORDER[1]:
            continue
        best = _best(compiled, replace(order, swap_cost=cost), free, seconds)
        single += best["constrained"]["swaps"] == 1
        if best["constrained"]["swaps"] > 1 or single <= most_single:
            written = made.document["cases"][number]
            terms = {name: written[name] for name in ("token_in", "token_out", "mode", "amount")}
            yield {"graph": graph, **terms, "swap_cost": repr(cost), "reference": best}


def _best(compiled: CompiledMarket, order: SplitOrder, free: Split, seconds: float) -> dict[str, Any]:
    split = find_split(compiled, order)
    value, edges = split.float_amount, edges_of(compiled, split)
    deep = DeepSearch(compiled, order).best(order.swap_cost, [edges, edges_of(compiled, free)], seconds)
    if deep is not None and deep.value - order.swap_cost * len(deep.edges) > value - split.cost:
        value, edges = deep.value, deep.edges
    net = value - order.swap_cost * len(edges)
    return {
        "amount_out": repr(free.float_amount),
        "upper_bound": repr(free.bound),
        "swaps": len(free.swaps),
        "constrained": {
            "net_out": repr(net),
            "gross_out": repr(value),
            "swaps": len(edges),
            "pools": sorted(compiled.pools[compiled.edge_pools[edge]].pool_id for edge in edges),
            "upper_bound": repr(split.bound),
            "proven_optimal": split.bound - net <= CLOSE_BPS / BP * value,
            "naive_net_of_unconstrained": repr(free.float_amount - order.swap_cost * len(free.swaps)),
        },
    }


def main() -> None:
    """Write the file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", type=Path)
    parser.add_argument("--seconds", type=float, default=4.0, help="of CPU for each case")
    options = parser.parse_args()
    text = json.dumps(document(options.seconds), separators=(",", ":"))
    options.file.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
