"""Problem files solved to the end: certified, exact, checked by independent code, and answered in JSON."""

import json
import math
import re
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from dex.problems.document import ProblemSet
from dex.problems.solve import Answer, Solver, human
from dex.tests.router.routing_rules import SLACK, check_route
from dex.tests.vector_files import VECTORS_DIR

FILE = json.loads((VECTORS_DIR / "routing_cases.json").read_text(encoding="utf-8"))
DOCS = Path(__file__).parents[3] / "docs"
EXAMPLE = json.loads((DOCS / "examples/two-pools.json").read_text(encoding="utf-8"))
FLOAT_GAP_BPS = 0.01
INTEGER_GAP_BPS = 0.1
ATOMS_PER_SWAP = 2  # that rounding may cost on top
SLACK_ATOMS = max(SLACK.values())

SOLVER = Solver(ProblemSet(FILE))


def solved(document: object, case_id: str, **options: Any) -> Answer:
    return Solver(ProblemSet(document), **options).answer(case_id)


def as_numbers(route: list[Mapping[str, Any]]) -> list[dict[str, Any]]:
    return [{**swap, "amount_in": int(swap["amount_in"]), "amount_out": int(swap["amount_out"])} for swap in route]


def changed(**fields: Any) -> dict[str, Any]:
    """The example with the fields of its first case changed; None takes a field away."""
    case = {name: value for name, value in {**EXAMPLE["cases"][0], **fields}.items() if value is not None}
    return {**EXAMPLE, "cases": [case]}


@pytest.mark.parametrize("case", FILE["cases"], ids=lambda case: case["id"])
def test_every_case_of_the_file_comes_within_its_limits(case: dict[str, Any]) -> None:
    line = SOLVER.answer(case["id"]).line

    assert "error" not in line, line
    reference = case["reference"]
    verdict = check_route(FILE["graphs"][case["graph"]], case, as_numbers(line["route"]))
    assert (verdict.amount_in, verdict.swaps) == (int(line["amount_in"]), line["swaps"])
    assert verdict.amount_out - int(line["amount_out"]) + SLACK_ATOMS * verdict.swaps >= 0
    constrained = reference.get("constrained")
    best_out = constrained["net_out"] if constrained else reference.get("amount_out") or case["amount"]
    rounding_bps = 1e4 * ATOMS_PER_SWAP * verdict.swaps / float(best_out)
    assert verdict.gap_bps is not None
    assert verdict.gap_bps <= INTEGER_GAP_BPS + rounding_bps
    if constrained:
        paid = Decimal(line["amount_out"]) - verdict.swaps * Decimal(case.get("swap_cost") or 0)
        assert Decimal(line["net_out"]) == paid
        assert line["upper_bound"] >= float(constrained["net_out"]) * (1 - 1e-9)
        return
    assert -1e-6 <= float(line["gap_bps"]) <= FLOAT_GAP_BPS
    if case["mode"] == "exact_in":
        assert line["float_out"] >= float(reference["amount_out"]) * (1 - FLOAT_GAP_BPS / 1e4)
        assert line["upper_bound"] >= float(reference["amount_out"]) * (1 - 1e-9)
    else:
        assert line["float_in"] <= float(reference["amount_in"]) * (1 + FLOAT_GAP_BPS / 1e4)
        assert line["lower_bound"] <= float(reference["amount_in"]) * (1 + 1e-9)


def test_line_has_these_fields_in_this_order() -> None:
    line = solved(EXAMPLE, "sell-100-sol").line

    assert list(line) == [
        "id", "amount_in", "amount_out", "float_out", "upper_bound", "gap_bps", "swaps", "route", "ms",
    ]  # fmt: skip
    assert (line["id"], line["amount_in"], line["swaps"]) == ("sell-100-sol", "100000000000", 2)
    assert sum(int(swap["amount_in"]) for swap in line["route"]) == 100_000_000_000
    assert sum(int(swap["amount_out"]) for swap in line["route"]) == int(line["amount_out"])
    assert {swap["pool"] for swap in line["route"]} == {"product", "bins"}
    assert all((swap["token_in"], swap["token_out"]) == (0, 1) for swap in line["route"])
    assert list(line["route"][0]) == ["pool", "token_in", "token_out", "amount_in", "amount_out"]
    assert line["ms"] > 0
    json.dumps(line, allow_nan=False)


def test_fixed_output_is_told_with_the_input_it_needs() -> None:
    line = solved(EXAMPLE, "buy-15000-usdc").line

    assert list(line)[3:5] == ["float_in", "lower_bound"]
    assert int(line["amount_out"]) == 15_000_000_000
    assert int(line["amount_in"]) >= line["lower_bound"]


def test_cost_per_swap_is_taken_off() -> None:
    line = solved(EXAMPLE, "sell-60-sol-at-a-cost").line

    assert int(line["net_out"]) == int(line["amount_out"]) - 5_000_000 * line["swaps"]
    half = solved(changed(swap_cost="0.5"), "sell-100-sol").line
    assert half["net_out"] == f"{int(half['amount_out']) - 0.5 * half['swaps']:f}".rstrip("0").rstrip(".")


def test_gross_cost_net_and_bound_are_told_apart() -> None:
    line = solved(EXAMPLE, "sell-60-sol-at-a-cost").line

    assert list(line)[6:11] == ["swaps", "cost", "net_out", "proven", "route"]
    assert line["cost"] == str(5_000_000 * line["swaps"])
    assert int(line["net_out"]) == int(line["amount_out"]) - int(line["cost"])
    gap = 1e4 * (line["upper_bound"] - (line["float_out"] - int(line["cost"]))) / line["float_out"]
    assert float(line["gap_bps"]) == pytest.approx(gap, abs=1e-9)


def test_fixed_output_is_net_of_a_cost_in_what_it_takes() -> None:
    at_cost = changed(mode="exact_out", amount="15000000000", swap_cost="1000000")
    line = solved(at_cost, "sell-100-sol").line

    assert list(line)[6:12] == ["swaps", "cost", "net_in", "net_out", "proven", "route"]
    cost = Decimal(line["cost"])
    assert Decimal(line["net_in"]) == int(line["amount_in"]) + cost
    assert Decimal(line["net_out"]) == int(line["amount_out"]) - 1_000_000 * line["swaps"]
    assert float(line["net_in"]) >= line["lower_bound"]
    # A USDC is worth the share of the input that the last one bought costs.
    more = solved(changed(mode="exact_out", amount="15001000000"), "sell-100-sol").line
    assert float(cost) / line["swaps"] == pytest.approx(int(more["amount_in"]) - int(line["amount_in"]), rel=0.02)


@pytest.mark.parametrize(
    ("document", "words"),
    [
        (changed(amount="-5"), "case sell-100-sol: amount must be a whole number from 1, not '-5'"),
        (changed(amount=None), "case sell-100-sol: amount is missing"),
        (changed(graph="elsewhere"), "case sell-100-sol: graph elsewhere is not in the file"),
        (changed(token_out=7), "case sell-100-sol: token_out must be a whole number from 0 to 1, not 7"),
        (changed(mode="best"), "case sell-100-sol: mode must be one of exact_in, exact_out, not 'best'"),
    ],
)
def test_malformed_case_gets_a_sentence(document: object, words: str) -> None:
    assert solved(document, "sell-100-sol").line == {"id": "sell-100-sol", "error": words}


def test_malformed_case_leaves_the_others_alone() -> None:
    cases = [{**EXAMPLE["cases"][0], "id": "bad", "amount": "?"}, EXAMPLE["cases"][0], 5]
    problems = ProblemSet({**EXAMPLE, "cases": cases})
    solver = Solver(problems)

    failed = [solver.answer(case_id).has_failed for case_id in problems.case_ids]

    assert problems.case_ids == ("bad", "sell-100-sol", "#2")
    assert failed == [True, False, True]


def test_refusal_of_the_market_has_a_code_and_says_what_would_fill() -> None:
    graph = EXAMPLE["graphs"]["sol-usdc"]
    only_bins = {**graph, "pools": [graph["pools"][1]]}
    document = {**changed(amount=str(10**15)), "graphs": {"sol-usdc": only_bins}}

    line = solved(document, "sell-100-sol").line

    assert list(line) == ["id", "error", "code", "largest_amount"]
    assert line["code"] == "insufficient_liquidity"
    assert line["error"] == "all pools together cannot take that much token 0 (SOL)"
    largest = line["largest_amount"]
    assert "error" not in solved({**changed(amount=largest), "graphs": document["graphs"]}, "sell-100-sol").line


def test_graph_without_pools_has_no_route() -> None:
    empty = {**EXAMPLE["graphs"]["sol-usdc"], "pools": []}

    line = solved({**EXAMPLE, "graphs": {"sol-usdc": empty}}, "sell-100-sol").line

    assert line == {"id": "sell-100-sol", "error": "graph sol-usdc has no pools", "code": "no_route"}


def test_failure_of_the_router_itself_costs_one_case_only(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError("by nothing")

    solver = Solver(ProblemSet(EXAMPLE))
    with monkeypatch.context() as patch:
        patch.setattr("dex.problems.solve.find_split", broken)
        line = solver.answer("sell-100-sol").line

    assert line == {"id": "sell-100-sol", "error": "the router failed: ZeroDivisionError: by nothing"}
    assert not solver.answer("sell-100-sol").has_failed


def test_picture_shows_the_route() -> None:
    svg = solved(EXAMPLE, "sell-100-sol", draws=True).svg

    assert svg is not None
    title, *_ = (part.text for part in ElementTree.fromstring(svg))
    assert title == "sell-100-sol: 100 SOL to 14,950.51 USDC in 2 swaps"
    assert solved(EXAMPLE, "sell-100-sol").svg is None


def test_docs_show_the_example_and_name_every_field() -> None:
    page = (DOCS / "solving.md").read_text(encoding="utf-8")
    written = [json.loads(block) for block in re.findall(r"```json\n(.*?)```", page, re.DOTALL)]
    line = solved(EXAMPLE, "sell-100-sol").line

    assert written[0] == EXAMPLE
    assert list(written[1]) == list(line)
    assert written[1]["route"] == line["route"]
    first_cells = " ".join(row.split("|")[1] for row in page.splitlines() if row.startswith("| `"))
    fields = {
        *line,
        *line["route"][0],
        "float_in",
        "lower_bound",
        "cost",
        "net_in",
        "net_out",
        "proven",
        "error",
        "code",
        "largest_amount",
    }
    for name in fields - {"pool"}:
        assert f"`{name}`" in first_cells, name


@pytest.mark.parametrize(
    ("atoms", "decimals", "words"),
    [
        (0, 6, "0"),
        (1, 0, "1"),
        (1_234_567, 0, "1,234,567"),
        (14_950_513_452, 6, "14,950.51"),
        (1_999_999_999, 9, "1.999999"),
        (1, 18, "0.000000000000000001"),
        (123_456_789_000, 18, "0.0000001234567"),
        (12_345_678_912_345_678, 6, "12,345,678,912"),
    ],
)
def test_amounts_for_the_eye_are_cut_and_never_rounded_up(atoms: int, decimals: int, words: str) -> None:
    assert human(atoms, decimals) == words


@pytest.mark.parametrize("case_id", ["v017", "v022", "v023", "v025"])
def test_deadline_ends_the_search_and_the_answer_stays_true(case_id: str) -> None:
    case = next(case for case in FILE["cases"] if case["id"] == case_id)

    line = solved(FILE, case_id, deadline_ms=0.001).line

    verdict = check_route(FILE["graphs"][case["graph"]], case, as_numbers(line["route"]))
    assert (verdict.amount_in, verdict.swaps) == (int(line["amount_in"]), line["swaps"])
    bound = line.get("upper_bound") or line["lower_bound"]
    assert math.isfinite(bound)
    assert float(line["gap_bps"]) >= -1e-6
