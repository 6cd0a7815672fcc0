"""Which pools join which tokens, and the paths between two tokens. Knows no amounts, so it outlives snapshots."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import permutations

from dex.pools import Pool


@dataclass(frozen=True, slots=True)
class Node:
    """What the graph must know of a pool."""

    pool_id: str
    venue: str
    tokens: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Edge:
    """One direction through one pool, the pool named by its position in the snapshot."""

    pool: int
    token_in: str
    token_out: str


@dataclass(frozen=True, slots=True)
class Path:
    """Edges (by number) from one token to another. `rank` breaks ties: fewer hops first, then the pools' ids.

    `venue` is the venue of all its pools, None where they belong to several.
    """

    edges: tuple[int, ...]
    venues: frozenset[str]
    venue: str | None
    rank: int


class Graph:
    """Edges of a set of pools, numbered; paths are found on first use and kept."""

    def __init__(self, nodes: Sequence[Node]) -> None:
        self.nodes = tuple(nodes)
        self.edges = tuple(
            Edge(number, token_in, token_out)
            for number, node in enumerate(nodes)
            for token_in, token_out in permutations(node.tokens, 2)
        )
        self.edges_of_pool: defaultdict[int, list[int]] = defaultdict(list)
        self._leaving: defaultdict[str, list[int]] = defaultdict(list)
        for number, edge in enumerate(self.edges):
            self.edges_of_pool[edge.pool].append(number)
            self._leaving[edge.token_in].append(number)
        self._paths: dict[tuple[str, str, int], tuple[Path, ...]] = {}

    def paths(self, token_in: str, token_out: str, max_hops: int) -> tuple[Path, ...]:
        """All paths of up to `max_hops` pools that visit no token and no pool twice, in order of rank."""
        key = (token_in, token_out, max_hops)
        found = self._paths.get(key)
        if found is None:
            walks = sorted(self._walks(token_in, token_out, max_hops, (token_in,), ()), key=self._order)
            found = self._paths[key] = tuple(self._path(walk, rank) for rank, walk in enumerate(walks))
        return found

    def _walks(
        self, token: str, target: str, hops_left: int, tokens: tuple[str, ...], walk: tuple[int, ...]
    ) -> Iterator[tuple[int, ...]]:
        used = {self.edges[number].pool for number in walk}
        for number in self._leaving.get(token, ()):
            edge = self.edges[number]
            if edge.pool in used or edge.token_out in tokens:
                continue
            longer = (*walk, number)
            if edge.token_out == target:
                yield longer
            elif hops_left > 1:
                yield from self._walks(edge.token_out, target, hops_left - 1, (*tokens, edge.token_out), longer)

    def _order(self, walk: tuple[int, ...]) -> tuple[int, list[str], list[str]]:
        edges = [self.edges[number] for number in walk]
        return len(walk), [self.nodes[edge.pool].pool_id for edge in edges], [edge.token_out for edge in edges]

    def _path(self, walk: tuple[int, ...], rank: int) -> Path:
        venues = frozenset(self.nodes[self.edges[number].pool].venue for number in walk)
        return Path(walk, venues, min(venues) if len(venues) == 1 else None, rank)


def graph_of(pools: Sequence[Pool]) -> Graph:
    """The graph of these pools; the same one as long as pools, venues and tokens stay as they are."""
    return _graph(tuple((pool.pool_id, pool.venue, pool.tokens) for pool in pools))


@lru_cache(maxsize=16)
def _graph(topology: tuple[tuple[str, str, tuple[str, ...]], ...]) -> Graph:
    return Graph([Node(*row) for row in topology])
