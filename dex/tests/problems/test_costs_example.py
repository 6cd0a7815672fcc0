"""The example of docs/routing.md: its figures and pictures are those of the router, its steps those of the search."""

import json
import re
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from dex.chains.evm.swaps import expected_gas as gas
from dex.costs import Costs
from dex.pools.kinds.uniswap_v2 import ConstantProductPool, UniswapV2Pool
from dex.pools.kinds.uniswap_v3 import UniswapV3Pool
from dex.problems.document import ProblemSet
from dex.problems.solve import Solver
from dex.router.graph.compiled import CompiledMarket
from dex.router.net import relaxation, relaxed, search
from dex.router.net.costs import native_price
from dex.router.net.problem import CLOSE
from dex.router.split import find_split
from dex.router.split_values import SplitOrder
from dex.router.time_limit import TimeLimit
from dex.types import Side

DOCS = Path(__file__).parents[3] / "docs"
PAGE = re.sub(r"\s+", " ", (DOCS / "routing.md").read_text(encoding="utf-8"))
ROWS = {
    cells[0].strip("`"): cells[1:]
    for line in (DOCS / "routing.md").read_text(encoding="utf-8").splitlines()
    if re.match(r"\| `1000", line) and (cells := [cell.strip() for cell in line.strip("|").split("|")])
}
FILE = json.loads((DOCS / "examples/swap-costs.json").read_text(encoding="utf-8"))
CASES = {case["id"]: case for case in FILE["cases"]}
PROBLEMS = ProblemSet(FILE)
SOLVER = Solver(PROBLEMS, draws=True)
GRAPH = PROBLEMS.graph("ethereum")
TOKENS = {token.symbol: token for token in GRAPH.tokens}
ANSWERS = {case_id: SOLVER.answer(case_id) for case_id in CASES}
LINES = {case_id: answer.line for case_id, answer in ANSWERS.items()}
SWAP_COST = 9_000_000
SMALL, LARGE = "1000-usd", "1000000-usd"


def gross(case_id: str) -> int:
    return int(LINES[case_id]["amount_out"])


def net(case_id: str) -> int:
    return gross(case_id) - SWAP_COST * int(LINES[case_id]["swaps"])


def lost(order: str) -> int:
    """What the best route where swaps are free nets less, in a market where they are not."""
    return net(f"{order}-net") - net(f"{order}-free")


def pools(line: dict[str, Any]) -> set[str]:
    return {swap["pool"] for swap in line["route"]}


def usdc(atoms: int) -> str:
    return f"{Decimal(atoms) / 10 ** TOKENS['USDC'].decimals:,.2f}"


def test_the_table_states_what_the_router_finds() -> None:
    expected = {}
    for case_id, line in LINES.items():
        amount = Decimal(CASES[case_id]["amount"]) / 10 ** TOKENS["WBTC"].decimals
        order, kind = case_id.rsplit("-", 1)
        values = [gross(case_id), SWAP_COST * line["swaps"], net(case_id)]
        lost_cell = usdc(lost(order)) if kind == "free" else ""
        expected[case_id] = [f"{amount.normalize():f}", str(line["swaps"]), *map(usdc, values), lost_cell]

    assert expected == ROWS
    assert lost(SMALL) > 0
    assert lost(LARGE) > 0


def test_the_file_is_what_the_page_says() -> None:
    assert len(FILE["graphs"]["ethereum"]["pools"]) == 30
    assert {case.get("swap_cost") for case in CASES.values()} == {None, str(SWAP_COST)}
    for order in (SMALL, LARGE):
        assert {**CASES[f"{order}-free"], "id": "", "swap_cost": str(SWAP_COST)} == {**CASES[f"{order}-net"], "id": ""}


def test_the_text_states_what_the_router_finds() -> None:
    small, large = LINES[f"{SMALL}-net"], LINES[f"{LARGE}-net"]
    one = {**CASES[f"{LARGE}-net"], "id": "one", "max_swaps": 1}
    single = Decimal(Solver(ProblemSet({**FILE, "cases": [one]})).answer("one").line["net_out"])
    dropped = pools(LINES[f"{LARGE}-free"]) - pools(large)

    assert f"six swaps gain {usdc(gross(f'{SMALL}-free') - gross(f'{SMALL}-net'))} USDC over" in PAGE
    assert min(int(swap["amount_in"]) for swap in LINES[f"{SMALL}-free"]["route"]) < 0.001 * int(small["amount_in"])
    assert small["proven"]
    assert Decimal(small["gap_bps"]) == 0
    assert f"nets {usdc(int(single))} USDC, {usdc(net(f'{LARGE}-net') - int(single))} less than fourteen" in PAGE
    assert pools(large) < pools(LINES[f"{LARGE}-free"])
    assert (len(dropped), large["swaps"]) == (8, 14)
    fell = usdc(gross(f"{LARGE}-free") - gross(f"{LARGE}-net"))
    assert f"the gross falls by {fell} and the fee by {usdc(8 * SWAP_COST)}" in PAGE
    assert f"`gap_bps` {float(large['gap_bps']):.2f} says that no route nets 10 USDC more" in PAGE
    assert large["upper_bound"] - net(f"{LARGE}-net") < 10 * 10 ** TOKENS["USDC"].decimals


@pytest.mark.parametrize("case_id", CASES)
def test_the_pictures_are_those_of_the_routes(case_id: str) -> None:
    """By their words, which name each swap and its share: coordinates follow from these."""
    drawn = ANSWERS[case_id].svg
    stored = (DOCS / f"images/{case_id}.svg").read_text(encoding="utf-8")

    assert drawn is not None
    assert [part.text for part in ElementTree.fromstring(stored)][:2] == [
        part.text for part in ElementTree.fromstring(drawn)
    ][:2]
    assert f"(images/{case_id}.svg)" in PAGE


def test_costs_by_kind_give_what_the_text_states() -> None:
    v3, v2, gwei = UniswapV3Pool.kind, UniswapV2Pool.kind, 30 * 10**9
    per_swap = {v3: gas.PER_SWAP[v3], ConstantProductPool.kind: gas.PER_SWAP[v2]}
    costs = Costs(
        TOKENS["WETH"].name,
        per_transaction=gas.PER_TRANSACTION * gwei,
        per_swap={kind: units * gwei for kind, units in per_swap.items()},
        other_swap=120_000 * gwei,
        per_tick={v3: gas.PER_TICK[v3] * gwei},
    )
    market, ends = CompiledMarket(GRAPH.pools, 0), (TOKENS["WBTC"].name, TOKENS["USDC"].name)
    orders = [
        SplitOrder(*ends, Side.EXACT_IN, int(CASES[f"{order}-net"]["amount"]), costs=costs) for order in (SMALL, LARGE)
    ]
    small, large = (find_split(market, order) for order in orders)
    fees = [split.network_fee.value for split in (small, large) if split.network_fee and split.network_fee.value]
    price = native_price(market, costs, ends[1])

    assert price is not None
    assert f"{gas.PER_SWAP[v3]:,} for a V3 swap and {gas.PER_TICK[v3]:,} for each tick that it crosses" in PAGE
    assert f"{gas.PER_SWAP[v2]:,} for V2 and {gas.PER_TRANSACTION:,} for the transaction, and with 120,000 for" in PAGE
    assert f"an ether is worth {usdc(int(price * 10**18))} USDC" in PAGE
    assert f"for a fee of {usdc(fees[0])} USDC" in PAGE
    assert f"has two swaps more, since most are cheaper, for {usdc(fees[1])}." in PAGE
    assert {swap.pool_id for swap in small.swaps} == pools(LINES[f"{SMALL}-net"])
    assert {swap.pool_id for swap in large.swaps} > pools(LINES[f"{LARGE}-net"])
    assert len(large.swaps) == LINES[f"{LARGE}-net"]["swaps"] + 2


def test_an_order_is_proven_by_counting_as_the_text_says() -> None:
    """And a deadline that is over at once leaves a route with a bound."""
    market = CompiledMarket(GRAPH.pools, 0)
    amounts = {order: int(CASES[f"{order}-net"]["amount"]) for order in (SMALL, LARGE)}
    order = SplitOrder(TOKENS["WBTC"].name, TOKENS["USDC"].name, Side.EXACT_IN, amounts[SMALL], swap_cost=SWAP_COST)
    hurried = find_split(market, replace(order, amount=amounts[LARGE], time_limit=TimeLimit.of_ms(0.0)))

    assert find_split(market, order).step == "count"
    assert hurried.step == "prices"
    assert hurried.bound >= net(f"{LARGE}-net")
    assert hurried.gap_bps > float(LINES[f"{LARGE}-net"]["gap_bps"])


def test_the_steps_are_stated_with_their_numbers() -> None:
    shares = [f"{100 * share:g}" for share in relaxed._SHARES]
    bp = {name: f"{1e4 * getattr(search, name):g} bp" for name in ("_MOVED_FROM", "_BRANCHED_FROM", "_SMALL", "_OPEN")}

    assert f"within {1e4 * CLOSE:g} bp of the gross amount" in PAGE
    assert f"| moves | From a gap of {bp['_MOVED_FROM']}:" in PAGE
    assert f"| branching | From a gap of {bp['_BRANCHED_FROM']}:" in PAGE
    assert f"from a gap of {bp['_OPEN']} also prices between" in PAGE
    assert f"a swap costs less than {bp['_SMALL']} of the order" in PAGE
    assert f"more than {', '.join(shares[:-1])} and {shares[-1]} % of theirs" in PAGE
    assert f"the {relaxation._EDGES} edges ({relaxation._MORE_EDGES} in large markets)" in PAGE
    assert (search._STEEP, "more than a thousand swaps" in PAGE) == (1_000, True)
    assert (search._RUNS, "Up to three rounds" in PAGE) == (3, True)
    assert (search._NODES, "Up to six of these" in PAGE) == (6, True)
    table = re.findall(r"\| (\w+) \| [^|]+ \| `dex/router/", PAGE)
    assert table == ["path", *search.STEPS[:4], "rounding", *search.STEPS[4:], "tolls", "limits"]
