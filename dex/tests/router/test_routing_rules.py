"""The check of routes itself: rules by hand, agreement with the pools, and everything that it refuses."""

import json
from typing import Any

import pytest

from dex.errors import InsufficientLiquidity
from dex.problems.document import ProblemSet
from dex.tests.router.routing_rules import SLACK, RuleBroken, amount_out_of, check_route
from dex.tests.vector_files import VECTORS_DIR

FILE = json.loads((VECTORS_DIR / "routing_cases.json").read_text(encoding="utf-8"))
SINGLE_PATHS = [case for case in FILE["cases"] if "pools" in case["reference"].get("best_single_path", {})]

TOKENS = [{"symbol": symbol, "decimals": 9} for symbol in ("AAA", "BBB", "CCC")]
POOLS = [
    {
        "id": "product",
        "kind": "constant_product",
        "tokens": [0, 1],
        "fee_ppm": 3000,
        "reserves": ["1000000", "4000000"],
    },
    {
        "id": "weighted",
        "kind": "weighted",
        "tokens": [0, 1],
        "fee_ppm": 0,
        "reserves": ["1000000", "4000000"],
        "weights": ["0.8", "0.4"],
    },
    {
        "id": "stable",
        "kind": "stable",
        "tokens": [1, 2],
        "fee_ppm": 400,
        "reserves": ["4000000", "4000000"],
        "amp": "100",
    },
    {
        "id": "ticks",
        "kind": "concentrated",
        "tokens": [0, 2],
        "fee_ppm": 0,
        "sqrt_price_x96": str(2**97),
        "tick": 13863,
        "liquidity": "1000000",
        "tick_spacing": 1,
        "ticks": [[0, "3000000"], [10000, "-2000000"], [20000, "-1000000"]],
    },
    {
        "id": "bins",
        "kind": "bins",
        "tokens": [0, 2],
        "fee_ppm": 10_000,
        "bin_step": 2500,
        "active_id": 2,
        "bins": [[1, "0", "500"], [2, "500", "100"], [4, "1000", "0"]],
    },
]
GRAPH = {"tokens": TOKENS, "pools": POOLS}


@pytest.mark.parametrize(
    ("pool", "token_in", "amount_in", "amount_out"),
    [
        (0, 0, 1_000_000, 4_000_000 * 997 // 1_997),
        (0, 1, 1_000, 249),  # 997 at a price of 1/4, less a quarter of 0.1 % of it
        (1, 0, 1_000_000, 3_000_000),  # the balance doubles, so a quarter of the other stays: 2 ** -2
        (1, 1, 4_000_000, 292_893),  # 1 - 2 ** -(1/2)
        (2, 1, 1_000, 999),  # next to par, less 0.04 %
        (3, 0, 100_000, 333_333),  # from a root of 2 to 1 / (1/2 + 0.1), below tick 13863 and above 10000
        (3, 2, 100_000, 23_809),  # from a root of 2 to 2.1
        (4, 0, 100, 143),  # 99 after the fee: 64 buy the 100 of bin 2 at 1.5625, 35 bring 43.75 in bin 1
        (4, 2, 1_000, 585),  # 990 after the fee: 781.25 buy the 500 of bin 2, the rest 85.5 at 2.4414 in bin 4
    ],
)
def test_rules_by_hand(pool: int, token_in: int, amount_in: int, amount_out: int) -> None:
    assert amount_out_of(GRAPH, POOLS[pool], token_in, amount_in) == amount_out


def test_ticks_change_the_liquidity_both_ways() -> None:
    # 1e6 from the root 2 down to that of tick 10000, then three times as much.
    edge = 1.0001**5000
    first = 1e6 * (1 / edge - 1 / 2)
    then = 3e6 * (edge - 1 / (1 / edge + (400_000 - first) / 3e6))

    paid = amount_out_of(GRAPH, POOLS[3], 0, 400_000)

    assert paid == int(1e6 * (2 - edge) + then)
    with pytest.raises(RuleBroken, match="ticks has no room for all of 10000000"):
        amount_out_of(GRAPH, POOLS[3], 2, 10_000_000)


def test_bins_end_where_their_liquidity_ends() -> None:
    with pytest.raises(RuleBroken, match="bins has no room for all of 470"):
        amount_out_of(GRAPH, POOLS[4], 0, 470)
    assert amount_out_of(GRAPH, POOLS[4], 0, 468) == 599


@pytest.mark.parametrize("graph_id", sorted(FILE["graphs"]))
def test_pools_pay_what_the_rules_pay_but_for_rounding(graph_id: str) -> None:
    written, pools = FILE["graphs"][graph_id], ProblemSet(FILE).graph(graph_id).pools
    for raw, pool in zip(written["pools"], pools, strict=True):
        for i, held in enumerate(_held(raw)):
            for amount_in in (held // 10**6, held // 1_000, held // 9):
                try:
                    paid = pool.swap_exact_in(pool.tokens[i], pool.tokens[1 - i], amount_in, 0).amount_out
                except InsufficientLiquidity:
                    continue
                true = amount_out_of(written, raw, raw["tokens"][i], amount_in)
                price = pool.marginal_price(pool.tokens[i], pool.tokens[1 - i], 0)
                steps = len(raw.get("ticks", raw.get("bins", "")))
                assert paid <= true + SLACK.get(raw["kind"], 0)
                # Every step may round one base unit of either token; prices of ticks are rounded to 1e-18 of themselves
                # and better; a weighted pool keeps 1e-14 of its reserve.
                margin = (1 + price) * (steps + 1) + 2 + true * 1e-18
                if raw["kind"] == "weighted":
                    margin += int(raw["reserves"][1 - i]) * 2e-14
                assert true - paid <= margin


def _held(raw: dict[str, Any]) -> list[int]:
    """About what a pool holds of both tokens."""
    if raw["kind"] == "concentrated":
        root = int(raw["sqrt_price_x96"]) / 2**96
        return [int(int(raw["liquidity"]) / root) + 1, int(int(raw["liquidity"]) * root) + 1]
    if raw["kind"] == "bins":
        return [sum(int(row[side]) for row in raw["bins"]) + 1 for side in (1, 2)]
    return [int(reserve) for reserve in raw["reserves"]]


@pytest.mark.parametrize("case", SINGLE_PATHS, ids=lambda case: case["id"])
def test_best_single_path_of_the_file_keeps_to_the_rules(case: dict[str, Any]) -> None:
    graph, best = FILE["graphs"][case["graph"]], case["reference"]["best_single_path"]
    pools = {pool["id"]: pool for pool in graph["pools"]}
    swaps, token, amount = [], case["token_in"], int(case["amount"])
    for pool_id in best["pools"]:
        pool = pools[pool_id]
        token_out = sum(pool["tokens"]) - token
        paid = amount_out_of(graph, pool, token, amount)
        swaps.append(
            {"pool": pool_id, "token_in": token, "token_out": token_out, "amount_in": amount, "amount_out": paid}
        )
        token, amount = token_out, paid

    verdict = check_route(graph, {key: value for key, value in case.items() if key != "max_swaps"}, swaps)

    assert verdict.amount_in == int(case["amount"])
    # Whole base units in between cost a little: their share of the amounts there.
    share = sum(2 / min(swap["amount_in"], swap["amount_out"]) for swap in swaps)
    assert float(best["amount_out"]) * (1 - share) - 1 <= verdict.amount_out <= float(best["amount_out"]) * (1 + 1e-12)
    assert verdict.gap_bps is not None
    assert verdict.gap_bps >= -1e-6


def _swap(pool: str, token_in: int, token_out: int, amount_in: int, amount_out: int) -> dict[str, Any]:
    return {
        "pool": pool,
        "token_in": token_in,
        "token_out": token_out,
        "amount_in": amount_in,
        "amount_out": amount_out,
    }


def _case(**fields: Any) -> dict[str, Any]:
    return {"id": "x", "token_in": 0, "token_out": 2, "mode": "exact_in", "amount": "2000"} | fields


# 1,000 of AAA through BBB and 1,000 directly.
SWAPS = [_swap("product", 0, 1, 1_000, 3_984), _swap("stable", 1, 2, 3_984, 3_982), _swap("ticks", 0, 2, 1_000, 3_992)]


def test_good_route_is_measured_against_the_reference() -> None:
    reference = {"amount_out": "8000", "upper_bound": "8001"}

    verdict = check_route(GRAPH, _case(reference=reference), SWAPS[::-1])

    assert (verdict.amount_in, verdict.amount_out, verdict.swaps) == (2_000, 3_982 + 3_992, 3)
    assert verdict.gap_bps == pytest.approx(1e4 * (1 - 7_974 / 8_000))
    assert check_route(GRAPH, _case(), SWAPS).gap_bps is None


def test_stated_outputs_may_be_modest_and_the_true_ones_count() -> None:
    swaps = [SWAPS[0] | {"amount_out": 3_984}, SWAPS[1] | {"amount_out": 3_000}, SWAPS[2] | {"amount_out": 3_000}]

    assert check_route(GRAPH, _case(), swaps).amount_out == 7_974


def test_each_swap_costs_what_the_case_says() -> None:
    reference = {"amount_out": "8000", "upper_bound": "8001", "constrained": {"net_out": "7950"}}

    verdict = check_route(GRAPH, _case(swap_cost="10.5", reference=reference), SWAPS)

    assert float(verdict.net_out) == 7_974 - 31.5
    assert verdict.gap_bps == pytest.approx(1e4 * (1 - 7_942.5 / 7_950))


def test_fixed_output_must_arrive_and_the_input_is_measured() -> None:
    case = _case(mode="exact_out", amount="7974", reference={"amount_in": "1999", "lower_bound": "1998"})

    verdict = check_route(GRAPH, case, SWAPS)

    assert verdict.amount_in == 2_000
    assert verdict.gap_bps == pytest.approx(1e4 * (2_000 / 1_999 - 1))
    with pytest.raises(RuleBroken, match="7974 are delivered, not 7975"):
        check_route(GRAPH, case | {"amount": "7975"}, SWAPS)
    with pytest.raises(RuleBroken, match="2000 is less than any route costs: 2001"):
        check_route(GRAPH, case | {"reference": {"lower_bound": "2001"}}, SWAPS)


@pytest.mark.parametrize(
    ("swaps", "words"),
    [
        ([], "the route is empty"),
        ([*SWAPS, SWAPS[0]], "a pool is used more than once"),
        ([*SWAPS[:2], _swap("product", 1, 0, 5, 1)], "a pool is used more than once"),
        ([_swap("nowhere", 0, 2, 2_000, 1)], "there is no pool nowhere"),
        ([_swap("product", 0, 2, 2_000, 1)], "product does not join tokens 0 and 2"),
        ([_swap("ticks", 0, 2, 2_000, 0)], "amounts of ticks are not positive integers"),
        ([_swap("ticks", 0, 2, 2_000, 7e3)], "amounts of ticks are not positive integers"),  # type: ignore[arg-type]
        ([_swap("ticks", 0, 2, 2_000, 7_972)], "ticks pays 7968, not 7972"),
        ([SWAPS[0] | {"amount_out": 3_985}, *SWAPS[1:]], "product pays 3984, not 3985"),
        ([SWAPS[0], SWAPS[1] | {"amount_in": 3_985}, SWAPS[2]], "1 of token 1 are sold that were never bought"),
        ([*SWAPS[:2], SWAPS[2] | {"amount_in": 999, "amount_out": 3_988}], "1999 are sold, not 2000"),
        (
            [SWAPS[2], _swap("bins", 2, 0, 600, 300), _swap("weighted", 0, 1, 1_300, 5_000)],
            r"the swaps between tokens \[0, 1, 2\] form a cycle",
        ),
    ],
)
def test_route_that_breaks_a_rule_is_refused(swaps: list[dict[str, Any]], words: str) -> None:
    with pytest.raises(RuleBroken, match=words):
        check_route(GRAPH, _case(), swaps)


def test_limits_of_the_case_are_kept() -> None:
    with pytest.raises(RuleBroken, match="3 swaps where 2 are allowed"):
        check_route(GRAPH, _case(max_swaps=2), SWAPS)
    with pytest.raises(RuleBroken, match="7974 is more than any route pays: 7973"):
        check_route(GRAPH, _case(reference={"upper_bound": "7973"}), SWAPS)
