"""Best-known net values of orders at a cost per swap, and what a router loses to them.

A file of references holds, by the name of a case, the best route that any version of the router or the slow search of
`deep.py` has found, and the tightest bound that was proven. Running this again only improves the file.

Run: python -m benchmarks.references FILE [--pools 10 100] [--seeds 11 12] [--orders 20] [--seconds 2]
"""

import os

os.environ["OPENBLAS_NUM_THREADS"] = "1"  # read when numpy loads

import argparse
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple

from benchmarks.cases import Case, at_costs, between_two, in_markets_of
from benchmarks.deep import DeepSearch, Edges
from dex.errors import InsufficientLiquidity, NoRoute
from dex.router.graph.compiled import CompiledMarket
from dex.router.split import find_split
from dex.router.split_values import Split, SplitOrder
from dex.types import Side

SCHEMA: Final = "net-references/1"
BP: Final = 10_000
BOUND_ERROR: Final = 1e-9
DIGITS: Final = 13  # of the figures in a file


class Reference(NamedTuple):
    """The best route known for an order: its `value`, what it pays (exact_out: takes) without costs, and its swaps.

    `unit` is what a swap costs and `free` the value of the best route where swaps are free; `bound` holds for values
    less costs (exact_out: with costs). All in atoms of the side that is not fixed.
    """

    value: float
    swaps: int
    unit: float
    free: float
    bound: float

    def net(self, side: Side, unit: float | None = None) -> float:
        """More is better: the value less costs, or minus what is taken and paid."""
        return net(side, self.value, self.swaps, self.unit if unit is None else unit)


def net(side: Side, value: float, swaps: int, unit: float) -> float:
    """More is better: the value less costs, or minus what is taken and paid."""
    return (value if side is Side.EXACT_IN else -value) - unit * swaps


def loss_bps(reference: Reference, order: SplitOrder, split: Split) -> float:
    """What a route nets less than the best one known, in basis points of what the order is worth without costs."""
    found = net(order.side, split.float_amount, len(split.swaps), reference.unit)
    return BP * (reference.net(order.side) - found) / reference.free


def is_beaten(reference: Reference, order: SplitOrder, split: Split) -> bool:
    """Whether the route's bound lies below the best route known, at what the router says a swap costs."""
    best = reference.net(order.side, split.cost / len(split.swaps))
    bound = split.bound if order.side is Side.EXACT_IN else -split.bound
    return bound < best - BOUND_ERROR * reference.free


def read(path: Path) -> dict[str, Reference]:
    """The references in a file, by case; none where there is no file."""
    if not path.exists():
        return {}
    document = json.loads(path.read_text(encoding="utf-8"))
    if document["schema"] != SCHEMA:
        raise ValueError(f"{path} is no {SCHEMA}")
    return {name: Reference(**fields) for name, fields in document["cases"].items()}


def write(path: Path, references: dict[str, Reference]) -> None:
    """Put references into a file, one a line."""
    rows = (f"{json.dumps(name)}: {json.dumps(_fields(found))}" for name, found in references.items())
    text = f'{{"schema": "{SCHEMA}", "cases": {{\n' + ",\n".join(rows) + "\n}}\n"
    path.write_text(text, encoding="utf-8")


def _fields(found: Reference) -> dict[str, Any]:
    rounded = {name: float(f"{value:.{DIGITS}g}") for name, value in found._asdict().items()}
    return {**rounded, "swaps": found.swaps}


def improved(cases: list[Case], known: dict[str, Reference], seconds: float) -> Iterator[tuple[str, Reference]]:
    """References for one order at several costs, from what is known, the router and the slow search."""
    market, order = cases[0].market, cases[0].order
    try:
        free = find_split(market, _free(order)).float_amount
    except (InsufficientLiquidity, NoRoute):
        return
    deep = DeepSearch(market, order)
    for case in cases:
        split = find_split(market, case.order)
        unit = split.cost / len(split.swaps)
        found = Reference(split.float_amount, len(split.swaps), unit, free, split.bound)
        best = deep.best(unit, [edges_of(market, split)], seconds)
        if best is not None:
            found = better(case.order.side, found, found._replace(value=abs(best.value), swaps=len(best.edges)))
        before = known.get(case.name)
        yield case.name, better(case.order.side, before, found) if before else found


def better(side: Side, one: Reference, other: Reference) -> Reference:
    """The better route with the tighter bound, at the costs of the first."""
    best = other if other.net(side, one.unit) > one.net(side) else one
    if abs(one.unit - other.unit) > BOUND_ERROR * one.unit:
        return one._replace(value=best.value, swaps=best.swaps)
    bound = min(one.bound, other.bound) if side is Side.EXACT_IN else max(one.bound, other.bound)
    return one._replace(value=best.value, swaps=best.swaps, bound=bound)


def edges_of(market: CompiledMarket, split: Split) -> Edges:
    """The edges that a route uses."""
    used = {(swap.pool_id, swap.token_in, swap.token_out) for swap in split.swaps}
    pools = [market.position[pool_id] for pool_id, *_ in used]
    edges = (edge for pool in pools for edge in market.edges_of_pool[pool])
    return frozenset(
        edge for edge in edges if (market.pools[market.pool[edge]].pool_id, *market.edge_tokens[edge]) in used
    )


def _free(order: SplitOrder) -> SplitOrder:
    return SplitOrder(order.token_in, order.token_out, order.side, order.amount)


def main() -> None:
    """Improve a file of references."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", type=Path)
    parser.add_argument("--pools", nargs="*", type=int, default=[10, 30, 100, 300], help="0: markets of one pair")
    parser.add_argument("--seeds", nargs="*", type=int, default=[11])
    parser.add_argument("--seconds", type=float, default=2.0, help="of CPU for each order and cost")
    options = parser.parse_args()
    references = read(options.file)
    for pool_count in options.pools:
        made = (in_markets_of(pool_count) if pool_count else between_two)(0, options.seeds)
        for case in made:
            references.update(improved(list(at_costs(case)), references, options.seconds))
            write(options.file, references)
            print(case.name, flush=True)


if __name__ == "__main__":
    main()
