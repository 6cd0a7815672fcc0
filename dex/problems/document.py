"""Routing problems from files of the form `routing-cases/1`: exact pools and typed orders, each case on its own.

A case is read on request, a graph with its first case; an error in one does not affect the others.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from dex.fields import Fields, ProblemError, refusal
from dex.pools import POOL_KINDS, Pool
from dex.pools.kind import ProblemReader
from dex.types import Side

__all__ = ["GraphToken", "ProblemError", "ProblemGraph", "ProblemSet", "RoutingProblem"]

SCHEMA = "routing-cases/1"
MAX_TOKEN_DECIMALS = 36

_SIDES = {side.value: side for side in Side}
_POOL_READERS = {name: read for kind in POOL_KINDS.values() for name, read in kind.problems.items()}


@dataclass(frozen=True, slots=True)
class GraphToken:
    """A token of a graph. `name` is unique there and what pools and problems call it; symbols may repeat."""

    name: str
    index: int
    symbol: str
    decimals: int


@dataclass(frozen=True, slots=True)
class ProblemGraph:
    """Tokens in the order of the file, and the pools between them."""

    tokens: tuple[GraphToken, ...]
    pools: tuple[Pool, ...]


@dataclass(frozen=True, slots=True)
class RoutingProblem:
    """One order. `token_in` and `token_out` are names of the graph's tokens, `amount` is atoms of the fixed side.

    `swap_cost` is atoms of token_out for each swap of the route, `max_swaps` the most it may hold; None: free,
    unlimited.
    """

    id: str
    graph: str
    token_in: str
    token_out: str
    side: Side
    amount: int
    swap_cost: float | None
    max_swaps: int | None


class ProblemSet:
    """The problems of one file. `case_ids` are in its order; a case without its own id is named by position."""

    def __init__(self, document: object) -> None:
        """Read only the outline. Raises: ProblemError when the file as a whole is not of this form."""
        fields = Fields("file", document)
        if fields.raw("schema") != SCHEMA:
            raise refusal("file", "schema", repr(SCHEMA), fields.raw("schema"))
        self._graph_objects = fields.raw("graphs")
        if not isinstance(self._graph_objects, Mapping):
            raise refusal("file", "graphs", "an object", self._graph_objects)
        self._cases: dict[str, Any] = {}
        for position, case in enumerate(fields.items("cases")):
            self._cases[self._name(position, case)] = case
        self.case_ids = tuple(self._cases)
        self._graphs: dict[str, ProblemGraph | ProblemError] = {}

    def __iter__(self) -> Iterator[RoutingProblem | ProblemError]:
        """Every case in the order of the file, as a problem or as its error."""
        for case_id in self.case_ids:
            try:
                yield self.problem(case_id)
            except ProblemError as error:
                yield error

    def problem(self, case_id: str) -> RoutingProblem:
        """The problem of a case. Raises: ProblemError naming case and field; KeyError for an unknown case."""
        where = f"case {case_id}"
        fields = Fields(where, self._cases[case_id])
        if fields.text("id") != case_id:
            raise ProblemError(f"{where}: id {fields.text('id')} is that of an earlier case")
        graph_id = fields.text("graph")
        try:
            tokens = self.graph(graph_id).tokens
        except ProblemError as error:
            raise ProblemError(f"{where}: {error}") from error
        last = len(tokens) - 1
        token_in, token_out = fields.whole("token_in", 0, last), fields.whole("token_out", 0, last)
        if token_in == token_out:
            raise refusal(where, "token_out", "another token than token_in", token_out)
        return RoutingProblem(
            id=case_id,
            graph=graph_id,
            token_in=tokens[token_in].name,
            token_out=tokens[token_out].name,
            side=fields.choice("mode", _SIDES),
            amount=fields.whole("amount", least=1),
            swap_cost=_swap_cost(fields),
            max_swaps=fields.whole("max_swaps", least=1) if fields.has("max_swaps") else None,
        )

    def graph(self, graph_id: str) -> ProblemGraph:
        """A graph by its id, the same object every time. Raises: ProblemError naming graph, pool and field."""
        graph = self._graphs.get(graph_id)
        if graph is None:
            try:
                graph = self._read_graph(graph_id)
            except ProblemError as error:
                graph = error
            self._graphs[graph_id] = graph
        if isinstance(graph, ProblemError):
            raise graph
        return graph

    def _name(self, position: int, case: object) -> str:
        own = case.get("id") if isinstance(case, Mapping) else None
        name = own if isinstance(own, str) and own else f"#{position}"
        while name in self._cases:
            name += f" (#{position})"
        return name

    def _read_graph(self, graph_id: str) -> ProblemGraph:
        where = f"graph {graph_id}"
        if graph_id not in self._graph_objects:
            raise ProblemError(f"{where} is not in the file")
        fields = Fields(where, self._graph_objects[graph_id])
        tokens = []
        for index, token in enumerate(fields.items("tokens")):
            token_fields = Fields(f"{where}, token {index}", token)
            decimals = token_fields.whole("decimals", 0, MAX_TOKEN_DECIMALS)
            tokens.append(GraphToken(f"t{index}", index, token_fields.text("symbol"), decimals))
        pools: dict[str, Pool] = {}
        for position, value in enumerate(fields.items("pools")):
            pool = _read_pool(where, position, value, tokens)
            if pool.pool_id in pools:
                raise ProblemError(f"{where}, pool #{position}: id {pool.pool_id} is that of an earlier pool")
            pools[pool.pool_id] = pool
        return ProblemGraph(tuple(tokens), tuple(pools.values()))


def _read_pool(where: str, position: int, value: object, tokens: list[GraphToken]) -> Pool:
    pool_id = Fields(f"{where}, pool #{position}", value).text("id")
    fields = Fields(f"{where}, pool {pool_id}", value)
    first, second = fields.wholes("tokens", 2, 0, len(tokens) - 1)
    if first == second:
        raise refusal(fields.where, "tokens", "two tokens", [first, second])
    a, b = tokens[first], tokens[second]
    read: ProblemReader = fields.choice("kind", _POOL_READERS)
    pool: Pool = fields.built(lambda: read(fields, pool_id, (a.name, b.name), (a.decimals, b.decimals)))
    return pool


def _swap_cost(fields: Fields) -> float | None:
    if not fields.has("swap_cost"):
        return None
    cost = float(fields.decimal("swap_cost"))
    if cost < 0:
        raise refusal(fields.where, "swap_cost", "a number from 0", fields.raw("swap_cost"))
    return cost
