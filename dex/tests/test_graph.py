"""Paths between tokens."""

from itertools import pairwise, permutations

from hypothesis import given

from dex.pools import Pool
from dex.router.graph import Path, graph_of
from dex.testing import TOKENS, cpmm_pool, dlmm_pool, markets

RESERVES = (10**9, 10**9)


def _pools_on(path: Path, pools: list[Pool]) -> list[str]:
    edges = graph_of(pools).edges
    return [pools[edges[number].pool].pool_id for number in path.edges]


def test_paths_come_shortest_first_then_by_pool_ids() -> None:
    pools: list[Pool] = [
        cpmm_pool("d", ("SOL", "JUP"), RESERVES),
        cpmm_pool("c", ("SOL", "USDC"), RESERVES),
        cpmm_pool("b", ("JUP", "USDC"), RESERVES),
        dlmm_pool("a", ("USDC", "SOL"), 0, RESERVES),
    ]

    paths = graph_of(pools).paths("SOL", "USDC", 3)

    assert [_pools_on(path, pools) for path in paths] == [["a"], ["c"], ["d", "b"]]
    assert [path.rank for path in paths] == [0, 1, 2]
    assert [path.venue for path in paths] == ["meteora", "raydium", "raydium"]


def test_a_path_of_two_venues_belongs_to_none() -> None:
    pools: list[Pool] = [
        cpmm_pool("a", ("SOL", "JUP"), RESERVES),
        dlmm_pool("b", ("JUP", "USDC"), 0, RESERVES),
    ]

    (path,) = graph_of(pools).paths("SOL", "USDC", 3)

    assert path.venue is None
    assert path.venues == {"raydium", "meteora"}


def test_hops_are_limited() -> None:
    chain = [*TOKENS, "PYTH"]
    pools: list[Pool] = [cpmm_pool(f"{a}-{b}", (a, b), RESERVES) for a, b in pairwise(chain)]

    graph = graph_of(pools)

    assert graph.paths(chain[0], chain[4], 3) == ()
    assert len(graph.paths(chain[0], chain[4], 4)) == 1


def test_unknown_tokens_and_a_token_for_itself_have_no_path() -> None:
    graph = graph_of([cpmm_pool("a", ("SOL", "USDC"), RESERVES), cpmm_pool("b", ("SOL", "USDC"), RESERVES)])

    assert graph.paths("SOL", "DOGE", 3) == graph.paths("DOGE", "SOL", 3) == graph.paths("SOL", "SOL", 3) == ()


def test_the_graph_outlives_a_change_of_reserves_only() -> None:
    before = [cpmm_pool("a", ("SOL", "USDC"), RESERVES)]
    after = [cpmm_pool("a", ("SOL", "USDC"), (1, 1))]
    other = [cpmm_pool("a", ("SOL", "JUP"), RESERVES)]

    assert graph_of(before) is graph_of(after)
    assert graph_of(before) is not graph_of(other)


@given(pools=markets())
def test_no_path_visits_a_pool_or_token_twice(pools: list[Pool]) -> None:
    graph = graph_of(pools)
    for token_in, token_out in permutations(TOKENS, 2):
        for path in graph.paths(token_in, token_out, 3):
            edges = [graph.edges[number] for number in path.edges]
            tokens = [token_in, *(edge.token_out for edge in edges)]
            assert tokens[-1] == token_out
            assert len(set(tokens)) == len(tokens) <= 4
            assert len({edge.pool for edge in edges}) == len(edges)
            assert all(a.token_out == b.token_in for a, b in pairwise(edges))
