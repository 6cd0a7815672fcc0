"""Problem files: what they hold, and that one bad case or graph leaves the others alone."""

import copy
import json
from collections.abc import Iterator
from typing import Any

import pytest

from dex.problems.document import GraphToken, ProblemError, ProblemSet, RoutingProblem
from dex.tests.vector_files import VECTORS_DIR
from dex.types import Side

FILE = json.loads((VECTORS_DIR / "routing_cases.json").read_text(encoding="utf-8"))
GRAPHS = sorted(FILE["graphs"])


def _document() -> dict[str, Any]:
    """A file with one good case on each of two graphs; pools p0 to p4 of the first are one of each kind."""
    pools = [
        {"kind": "constant_product", "fee_ppm": 3000, "reserves": ["1000000000000", "2000000000000"]},
        {"kind": "weighted", "fee_ppm": 1000, "reserves": ["1000000000000", "500000000000"], "weights": ["0.8", "0.2"]},
        {"kind": "stable", "fee_ppm": 50, "reserves": ["1000000000000", "1000000000"], "amp": "200"},
        {
            "kind": "concentrated",
            "fee_ppm": 500,
            "sqrt_price_x96": str(2**96),
            "tick": 0,
            "liquidity": "1000000000000000",
            "tick_spacing": 10,
            "ticks": [[-1000, "1000000000000000"], [1000, "-1000000000000000"]],
        },
        {
            "kind": "bins",
            "fee_ppm": 1013,
            "bin_step": 30,
            "active_id": 0,
            "bins": [[-1, "0", "1000000000"], [0, "1000000000", "1000000000"], [1, "1000000000", "0"]],
        },
    ]
    ends = [[0, 1], [0, 1], [0, 2], [1, 0], [1, 2]]
    pools = [pool | {"id": f"p{k}", "tokens": ends[k]} for k, pool in enumerate(pools)]
    tokens = [{"symbol": "AAA", "decimals": 9}, {"symbol": "BBB", "decimals": 9}, {"symbol": "AAA", "decimals": 6}]
    case = {"graph": "g1", "token_in": 0, "token_out": 1, "mode": "exact_in", "amount": "12345"}
    document = {
        "schema": "routing-cases/1",
        "graphs": {"g1": {"tokens": tokens, "pools": pools}, "g2": {"tokens": tokens[:2], "pools": pools[:1]}},
        "cases": [case | {"id": "a"}, case | {"id": "b", "graph": "g2", "swap_cost": "5e3", "max_swaps": 2}],
    }
    read: dict[str, Any] = json.loads(json.dumps(document))  # nothing is shared between the graphs
    return read


def _leaves(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Paths to everything inside a value."""
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in pairs:
        yield (*path, key)
        yield from _leaves(item, (*path, key))


def _spoil(path: tuple[Any, ...], value: Any) -> dict[str, Any]:
    document = _document()
    inner: Any = document
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = value
    return document


def _error(document: dict[str, Any], case_id: str = "a") -> str:
    with pytest.raises(ProblemError) as refusal:
        ProblemSet(document).problem(case_id)
    return str(refusal.value)


@pytest.mark.parametrize("graph_id", GRAPHS)
def test_every_pool_of_the_file_is_read(graph_id: str) -> None:
    graph, written = ProblemSet(FILE).graph(graph_id), FILE["graphs"][graph_id]

    assert [(t.symbol, t.decimals) for t in graph.tokens] == [(t["symbol"], t["decimals"]) for t in written["tokens"]]
    assert [(pool.pool_id, pool.venue) for pool in graph.pools] == [(p["id"], p["kind"]) for p in written["pools"]]
    assert [pool.tokens for pool in graph.pools] == [tuple(f"t{k}" for k in p["tokens"]) for p in written["pools"]]


def test_every_case_of_the_file_is_read() -> None:
    problems = ProblemSet(FILE)

    read = list(problems)

    assert problems.case_ids == tuple(case["id"] for case in FILE["cases"])
    for problem, case in zip(read, FILE["cases"], strict=True):
        assert isinstance(problem, RoutingProblem)
        assert (problem.id, problem.graph, problem.side.value) == (case["id"], case["graph"], case["mode"])
        assert (problem.token_in, problem.token_out) == (f"t{case['token_in']}", f"t{case['token_out']}")
        assert (str(problem.amount), problem.max_swaps) == (case["amount"], case.get("max_swaps"))
        assert problem.swap_cost == (float(case["swap_cost"]) if "swap_cost" in case else None)


@pytest.mark.parametrize("case", [c for c in FILE["cases"] if "amount_out" in c["reference"]], ids=lambda c: c["id"])
def test_best_single_path_pays_the_integer_of_the_file(case: dict[str, Any]) -> None:
    # The file's own integers step from tick to tick.
    document = copy.deepcopy(FILE)
    for raw in document["graphs"][case["graph"]]["pools"]:
        if raw["kind"] == "concentrated":
            raw["steps"] = "ticks"
    problems = ProblemSet(document)
    problem, best = problems.problem(case["id"]), case["reference"]["best_single_path"]
    pools = {pool.pool_id: pool for pool in problems.graph(problem.graph).pools}

    token, amount = problem.token_in, problem.amount
    for pool_id in best["pools"]:
        pool = pools[pool_id]
        token_out = pool.tokens[pool.tokens[0] == token]
        token, amount = token_out, pool.swap_exact_in(token, token_out, amount, 0).amount_out

    short = int(best["amount_out_integer"]) - amount
    assert token == problem.token_out
    # The file rounds the exact power of a weighted pool; its contract keeps a margin of 1e-14 of the reserve.
    has_power = any(pools[pool_id].kind == "balancer_weighted" for pool_id in best["pools"])
    assert 0 <= short <= (amount * 1e-12 if has_power else 0)


def test_problem_says_what_is_asked() -> None:
    problems = ProblemSet(_document())

    assert list(problems) == [
        RoutingProblem("a", "g1", "t0", "t1", Side.EXACT_IN, 12345, None, None),
        RoutingProblem("b", "g2", "t0", "t1", Side.EXACT_IN, 12345, 5000.0, 2),
    ]
    assert problems.graph("g1").tokens[2] == GraphToken("t2", 2, "AAA", 6)
    assert problems.graph("g1") is problems.graph("g1")


def test_pools_are_those_of_the_programs() -> None:
    pools = ProblemSet(_document()).graph("g1").pools

    assert [pool.kind for pool in pools] == [
        "constant_product",
        "balancer_weighted",
        "curve_stableswap_ng",
        "uniswap_v3",
        "bins",
    ]
    assert [pool.fee_ppm(pool.tokens[0], 0) for pool in pools] == [3000, 1000, 50, 500, 1013]
    assert [pool.swap_exact_in(pool.tokens[0], pool.tokens[1], 10**6, 0).amount_out for pool in pools] == [
        1993998,  # 997,000 * 2e12 / (1e12 + 997,000)
        1997995,  # 999,000 at a marginal price of 2, less 5 for the size
        999,
        999499,
        998987,
    ]


def test_weighted_pool_takes_more_than_a_contract_would() -> None:
    pool = ProblemSet(_document()).graph("g1").pools[1]

    assert pool.swap_exact_in("t0", "t1", 10**12, 0).amount_out > 4 * 10**11


def test_reserves_beyond_a_uniswap_pair_find_another_program() -> None:
    document = _spoil(("graphs", "g1", "pools", 0, "reserves"), [str(10**40), str(2 * 10**40)])

    pool = ProblemSet(document).graph("g1").pools[0]

    assert pool.swap_exact_in("t0", "t1", 10**36, 0).amount_out == 997 * 10**33 * 2 * 10**40 // (10**40 + 997 * 10**33)


@pytest.mark.parametrize(
    ("path", "value", "words"),
    [
        (("cases", 0, "amount"), "0", "case a: amount must be a whole number from 1, not '0'"),
        (("cases", 0, "amount"), -5, "case a: amount must be a whole number from 1, not -5"),
        (("cases", 0, "amount"), 1.5, "case a: amount must be a whole number from 1, not 1.5"),
        (("cases", 0, "amount"), 1e18, "case a: amount must be a whole number from 1, not 1e+18"),
        (("cases", 0, "amount"), True, "case a: amount must be a whole number from 1, not True"),
        (("cases", 0, "amount"), None, "case a: amount must be a whole number from 1, not None"),
        (("cases", 0, "amount"), "1e9", "case a: amount must be a whole number from 1, not '1e9'"),
        (("cases", 0, "amount"), "1_000", "case a: amount must be a whole number from 1, not '1_000'"),
        (("cases", 0, "amount"), str(2**256), "case a: amount must be a whole number from 1, not '1157"),
        (("cases", 0, "amount"), float("nan"), "case a: amount must be a whole number from 1, not nan"),
        (("cases", 0, "token_in"), 3, "case a: token_in must be a whole number from 0 to 2, not 3"),
        (("cases", 0, "token_in"), -1, "case a: token_in must be a whole number from 0 to 2, not -1"),
        (("cases", 0, "token_in"), 1, "case a: token_out must be another token than token_in, not 1"),
        (("cases", 0, "token_in"), False, "case a: token_in must be a whole number from 0 to 2, not False"),
        (("cases", 0, "mode"), "sell", "case a: mode must be one of exact_in, exact_out, not 'sell'"),
        (("cases", 0, "mode"), ["exact_in"], "case a: mode must be one of exact_in, exact_out, not"),
        (("cases", 0, "graph"), "g9", "case a: graph g9 is not in the file"),
        (("cases", 0, "graph"), 1, "case a: graph must be a text, not 1"),
        (("cases", 0, "swap_cost"), float("nan"), "case a: swap_cost must be a number, not nan"),
        (("cases", 0, "swap_cost"), "inf", "case a: swap_cost must be a number, not 'inf'"),
        (("cases", 0, "swap_cost"), "1e400", "case a: swap_cost must be a number, not '1e400'"),
        (("cases", 0, "swap_cost"), "-1", "case a: swap_cost must be a number from 0, not '-1'"),
        (("cases", 0, "swap_cost"), True, "case a: swap_cost must be a number, not True"),
        (("cases", 0, "max_swaps"), 0, "case a: max_swaps must be a whole number from 1, not 0"),
        (("cases", 0, "max_swaps"), 2.0, "case a: max_swaps must be a whole number from 1, not 2.0"),
        (("graphs", "g1"), [], "case a: graph g1: it must be an object, not []"),
        (("graphs", "g1", "tokens"), {}, "case a: graph g1: tokens must be a list, not {}"),
        (("graphs", "g1", "tokens", 1), None, "case a: graph g1, token 1: it must be an object, not None"),
        (("graphs", "g1", "tokens", 1, "decimals"), 37, "case a: graph g1, token 1: decimals must be a whole number"),
        (("graphs", "g1", "pools", 0), 7, "case a: graph g1, pool #0: it must be an object, not 7"),
        (("graphs", "g1", "pools", 0, "id"), "p1", "case a: graph g1, pool #1: id p1 is that of an earlier pool"),
        (("graphs", "g1", "pools", 0, "kind"), "hybrid", "case a: graph g1, pool p0: kind must be one of"),
        (("graphs", "g1", "pools", 0, "tokens"), [0, 0], "case a: graph g1, pool p0: tokens must be two tokens"),
        (("graphs", "g1", "pools", 0, "tokens"), [0, 3], "case a: graph g1, pool p0: tokens[1] must be a whole"),
        (("graphs", "g1", "pools", 0, "fee_ppm"), 10**6, "case a: graph g1, pool p0: fee_ppm must be a whole"),
        (("graphs", "g1", "pools", 0, "fee_ppm"), 30.5, "case a: graph g1, pool p0: fee_ppm must be a whole"),
        (("graphs", "g1", "pools", 0, "reserves"), ["5"], "case a: graph g1, pool p0: reserves must be a list of 2"),
        (("graphs", "g1", "pools", 0, "reserves", 1), "0", "case a: graph g1, pool p0: reserves[1] must be a whole"),
        (("graphs", "g1", "pools", 1, "weights", 0), "0", "case a: graph g1, pool p1: weights[0] must be above 0"),
        (("graphs", "g1", "pools", 1, "weights", 0), "NaN", "case a: graph g1, pool p1: weights[0] must be a number"),
        (("graphs", "g1", "pools", 2, "amp"), "0", "case a: graph g1, pool p2: amp must be a whole number from 1"),
        (("graphs", "g1", "pools", 2, "amp"), 1e3, "case a: graph g1, pool p2: amp must be a whole number from 1"),
        (("graphs", "g1", "pools", 3, "ticks", 0), [1], "case a: graph g1, pool p3: ticks[0] must be a list of 2"),
        (("graphs", "g1", "pools", 3, "ticks", 0, 1), "5", "case a: graph g1, pool p3: p3: the ticks do not add up"),
        (("graphs", "g1", "pools", 3, "tick"), 5, "case a: graph g1, pool p3: p3: not the state of a uniswap_v3"),
        (("graphs", "g1", "pools", 4, "bins", 1, 1), 1.0, "case a: graph g1, pool p4: bins[1][1] must be a whole"),
        (("graphs", "g1", "pools", 4, "bins", 1, 0), -1, "case a: graph g1, pool p4: p4: not the state of a bins"),
    ],
)
def test_refusal_names_case_and_field_and_spares_the_other_case(path: tuple[Any, ...], value: Any, words: str) -> None:
    document = _spoil(path, value)

    assert _error(document).startswith(words)
    assert ProblemSet(document).problem("b").id == "b"


@pytest.mark.parametrize("path", [p for p in _leaves(_document()["graphs"]["g1"]) if isinstance(p[-1], str)], ids=repr)
def test_missing_field_of_a_graph_spoils_its_cases_only(path: tuple[Any, ...]) -> None:
    document = _document()
    inner = document["graphs"]["g1"]
    for key in path[:-1]:
        inner = inner[key]
    del inner[path[-1]]

    assert _error(document).endswith(f"{path[-1]} is missing")
    assert [type(problem) for problem in ProblemSet(document)] == [ProblemError, RoutingProblem]


@pytest.mark.parametrize("field", ["graph", "token_in", "token_out", "mode", "amount"])
def test_missing_field_of_a_case_is_named(field: str) -> None:
    document = _document()
    del document["cases"][0][field]

    assert _error(document) == f"case a: {field} is missing"


@pytest.mark.parametrize("junk", [None, True, -1, 2.5, "", "x", "NaN", [], [None], {}, {"id": 3}, float("inf")])
def test_no_junk_anywhere_raises_anything_else(junk: Any) -> None:
    for path in _leaves(_document()):
        document = _spoil(path, copy.deepcopy(junk))
        try:
            list(ProblemSet(document))
        except ProblemError:
            assert path[0] in ("schema", "graphs", "cases")
            assert len(path) == 1


def test_cases_without_an_id_of_their_own_are_refused_by_position() -> None:
    document = _document()
    document["cases"] += [document["cases"][0], {}, None, document["cases"][0] | {"id": 7}]
    problems = ProblemSet(document)

    assert problems.case_ids == ("a", "b", "a (#2)", "#3", "#4", "#5")
    assert _error(document, "a (#2)") == "case a (#2): id a is that of an earlier case"
    assert _error(document, "#3") == "case #3: id is missing"
    assert _error(document, "#4") == "case #4: it must be an object, not None"
    assert _error(document, "#5") == "case #5: id must be a text, not 7"


@pytest.mark.parametrize(
    ("document", "words"),
    [
        ([], "file: it must be an object, not []"),
        ({}, "file: schema is missing"),
        (_document() | {"schema": "routing-cases/2"}, "file: schema must be 'routing-cases/1', not 'routing-cases/2'"),
        (_document() | {"graphs": []}, "file: graphs must be an object, not []"),
        (_document() | {"cases": {}}, "file: cases must be a list, not {}"),
    ],
)
def test_file_of_another_form_is_refused_as_a_whole(document: Any, words: str) -> None:
    with pytest.raises(ProblemError) as refusal:
        ProblemSet(document)

    assert str(refusal.value) == words
