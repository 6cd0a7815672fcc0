"""Problems of a file solved one by one: exact answers as JSON-ready objects, and pictures of their routes."""

from __future__ import annotations

import logging
import math
import re
import time
from decimal import Decimal
from typing import Any, Final, NamedTuple

from dex.errors import DexError, NoRoute
from dex.picture import Band, sankey
from dex.problems.document import ProblemError, ProblemGraph, ProblemSet, RoutingProblem
from dex.router.graph.compiled import CompiledMarket
from dex.router.split import find_split
from dex.router.split_values import Split, SplitOrder
from dex.router.time_limit import TimeLimit
from dex.types import Side

NOW: Final = 0  # nothing in a problem file changes with time
SHOWN_DIGITS: Final = 7  # of amounts in pictures

log = logging.getLogger(__name__)


class Answer(NamedTuple):
    """The result of a case: `line` is JSON-ready and has the key `error` when it failed; `svg` shows the route."""

    line: dict[str, Any]
    svg: str | None

    @property
    def has_failed(self) -> bool:
        """Whether there is no route."""
        return "error" in self.line


class Solver:
    """Solves the problems of one file; each graph is compiled with its first problem and kept."""

    def __init__(self, problems: ProblemSet, *, deadline_ms: float | None = None, draws: bool = False) -> None:
        self._problems = problems
        self._deadline_ms = deadline_ms
        self._draws = draws
        self._markets: dict[str, CompiledMarket] = {}

    def answer(self, case_id: str) -> Answer:
        """The answer to one case, never an exception: other cases of the file are still solved."""
        try:
            return self._answer(case_id)
        except ProblemError as error:
            return Answer({"id": case_id, "error": str(error)}, None)
        except DexError as error:
            return Answer({"id": case_id, **self._refusal(case_id, error)}, None)
        except Exception as error:
            log.exception("case %s", case_id)
            return Answer({"id": case_id, "error": f"the router failed: {type(error).__name__}: {error}"}, None)

    def _answer(self, case_id: str) -> Answer:
        problem = self._problems.problem(case_id)
        graph = self._problems.graph(problem.graph)
        market = self._market(problem.graph, graph)
        order = SplitOrder(
            problem.token_in,
            problem.token_out,
            problem.side,
            problem.amount,
            swap_cost=problem.swap_cost or 0.0,
            max_swaps=problem.max_swaps,
            time_limit=TimeLimit.of_ms(self._deadline_ms),
        )
        start = time.perf_counter()
        split = find_split(market, order)
        seconds = time.perf_counter() - start
        svg = route_picture(problem, graph, split) if self._draws else None
        return Answer({**answer_of(problem, graph, split), "ms": round(1000 * seconds, 3)}, svg)

    def _refusal(self, case_id: str, error: DexError) -> dict[str, Any]:
        """The error with the file's names of tokens, not those of the pools."""
        tokens = self._problems.graph(self._problems.problem(case_id).graph).tokens
        called = {token.name: f"token {token.index} ({token.symbol})" for token in tokens}
        words = re.sub(r"\bt\d+\b", lambda match: called.get(match[0], match[0]), error.detail)
        largest = {name: error.facts[name] for name in ("largest_amount",) if name in error.facts}
        return {"error": words, "code": error.code, **largest}

    def _market(self, graph_id: str, graph: ProblemGraph) -> CompiledMarket:
        if not graph.pools:
            raise NoRoute(f"graph {graph_id} has no pools")
        if graph_id not in self._markets:
            self._markets[graph_id] = CompiledMarket(graph.pools, NOW)
        return self._markets[graph_id]


def answer_of(problem: RoutingProblem, graph: ProblemGraph, split: Split) -> dict[str, Any]:
    """A route as a JSON-ready object: atoms as decimal strings, tokens by their index in the file."""
    index = {token.name: token.index for token in graph.tokens}
    is_exact_in = problem.side is Side.EXACT_IN
    line: dict[str, Any] = {
        "id": problem.id,
        "amount_in": str(split.amount_in),
        "amount_out": str(split.amount_out),
        "float_out" if is_exact_in else "float_in": _number(split.float_amount),
        "upper_bound" if is_exact_in else "lower_bound": _number(split.bound),
        "gap_bps": _basis_points(split.gap_bps),
        "swaps": len(split.swaps),
    }
    if problem.swap_cost is not None:
        cost = _costs(split, problem.swap_cost) if is_exact_in else Decimal(repr(split.cost))
        line["cost"] = _plain(cost)
        if not is_exact_in:
            line["net_in"] = _plain(split.amount_in + cost)
    if problem.swap_cost is not None or problem.max_swaps is not None:
        line["net_out"] = _plain(split.amount_out - _costs(split, problem.swap_cost or 0))
        line["proven"] = split.is_proven
    line["route"] = [
        {
            "pool": swap.pool_id,
            "token_in": index[swap.token_in],
            "token_out": index[swap.token_out],
            "amount_in": str(swap.amount_in),
            "amount_out": str(swap.amount_out),
        }
        for swap in split.swaps
    ]
    return line


def route_picture(problem: RoutingProblem, graph: ProblemGraph, split: Split) -> str:
    """The route as an SVG document."""
    pools = {pool.pool_id: pool for pool in graph.pools}
    tokens = {token.name: token for token in graph.tokens}
    bands = [
        Band(
            swap.token_in,
            swap.token_out,
            swap.amount_in,
            swap.amount_out,
            swap.pool_id,
            swap.venue.replace("_", " "),
            pools[swap.pool_id].fee_ppm(swap.token_in, NOW),
        )
        for swap in split.swaps
    ]
    sold, bought = tokens[problem.token_in], tokens[problem.token_out]
    amounts = {
        sold.name: human(split.amount_in, sold.decimals),
        bought.name: human(split.amount_out, bought.decimals),
    }
    count = f"{len(bands)} swap{'s' * (len(bands) > 1)}"
    title = f"{problem.id}: {amounts[sold.name]} {sold.symbol} to {amounts[bought.name]} {bought.symbol} in {count}"
    return sankey(bands, title=title, names={name: token.symbol for name, token in tokens.items()}, notes=amounts)


def human(atoms: int, decimals: int) -> str:
    """Atoms in token units for the eye: thousands grouped, cut (never rounded up) to the digits that matter."""
    digits = f"{atoms:0{decimals + 1}d}"
    whole, fraction = digits[: len(digits) - decimals], digits[len(digits) - decimals :]
    places = (
        max(0, SHOWN_DIGITS - len(whole)) if int(whole) else len(fraction) - len(fraction.lstrip("0")) + SHOWN_DIGITS
    )
    fraction = fraction[:places].rstrip("0")
    return f"{int(whole):,}" + (f".{fraction}" if fraction else "")


def _costs(split: Split, swap_cost: float) -> Decimal:
    """The cost of all swaps, exact for the shortest decimal form of one."""
    return len(split.swaps) * Decimal(repr(swap_cost))


def _plain(amount: Decimal) -> str:
    """Without an exponent or zeros at the end."""
    return f"{amount.normalize():f}"


def _basis_points(value: float) -> str | None:
    """A plain decimal, every digit of the double; basis points are text in every answer."""
    return f"{Decimal(repr(value + 0.0)):f}" if math.isfinite(value) else None


def _number(value: float) -> float | None:
    """JSON has no infinity."""
    return value if math.isfinite(value) else None
