"""Problem files: one kind rounds by one rule, for any size of its pools, and V3 pools as the contracts do."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dex.errors import InsufficientLiquidity
from dex.fields import ProblemError
from dex.pools import Pool
from dex.problems.document import ProblemSet
from dex.problems.solve import Solver
from dex.tests.vector_files import each_case, each_of, load_vectors
from dex.types import PPM

V3_POOLS = load_vectors("uniswap_v3", "pools")
V3_SWAPS = [(pool, swap) for pool in V3_POOLS for swap in pool["swaps"] if "sqrt_price_limit_x96" not in swap]
V3_IDS = [f"{pool['id']}-{number}" for number, (pool, _) in enumerate(V3_SWAPS)]
V2_CASES = [case for case in load_vectors("uniswap_v2", "cases") if case.get("amount_out")]
# Liquidity over the whole range at a price of one, as in the table of v3-core's own tests.
V3_CORE = {
    "fee_ppm": 500,
    "tick_spacing": 10,
    "sqrt_price_x96": str(2**96),
    "tick": 0,
    "liquidity": str(2 * 10**18),
    "ticks": [[-887270, str(2 * 10**18)], [887270, str(-2 * 10**18)]],
}
LARGEST = 2**256 - 1
PAIR = ("t0", "t1")  # what problems call the first two tokens of a graph
reserves = st.integers(1, 250).flatmap(lambda bits: st.integers(2 ** (bits - 1), 2**bits))


def _document(pool: dict[str, Any], case: dict[str, Any]) -> dict[str, Any]:
    tokens = [{"symbol": "AAA", "decimals": 18}, {"symbol": "BBB", "decimals": 18}]
    return {
        "schema": "routing-cases/1",
        "graphs": {"g": {"tokens": tokens, "pools": [{"id": "p", "tokens": [0, 1]} | pool]}},
        "cases": [{"id": "c", "graph": "g", "token_in": 0, "token_out": 1, "mode": "exact_in"} | case],
    }


def _line(pool: dict[str, Any], amount: int, *, is_down: bool = True, mode: str = "exact_in") -> dict[str, Any]:
    case = {"token_in": int(not is_down), "token_out": int(is_down), "mode": mode, "amount": str(amount)}
    return Solver(ProblemSet(json.loads(json.dumps(_document(pool, case))))).answer("c").line


def _pool(pool: dict[str, Any]) -> Pool:
    return ProblemSet(_document(pool, {"amount": "1"})).graph("g").pools[0]


@pytest.mark.parametrize("kind", ["uniswap_v3", "concentrated"])
@pytest.mark.parametrize("is_down", [True, False])
def test_v3_cores_own_swap_pays_its_own_atoms(kind: str, is_down: bool) -> None:
    line = _line({"kind": kind} | V3_CORE, 10**18, is_down=is_down)

    assert line["amount_out"] == "666444407401233536"


def test_steps_from_tick_to_tick_are_a_field_of_their_own() -> None:
    assert _line({"kind": "concentrated", "steps": "ticks"} | V3_CORE, 10**18)["amount_out"] == "666444407401233538"
    assert _line({"kind": "concentrated", "steps": "words"} | V3_CORE, 10**18)["amount_out"] == "666444407401233536"
    others: list[Any] = ["", "word", True, 1, []]
    for other in others:
        with pytest.raises(ProblemError, match="steps must be one of words, ticks"):
            _pool({"kind": "concentrated", "steps": other} | V3_CORE)


@pytest.mark.parametrize("kind", ["uniswap_v3", "concentrated"])
@each_of(("raw", "swap"), V3_SWAPS, V3_IDS)
def test_v3_pools_of_a_file_swap_as_the_contracts(kind: str, raw: dict[str, Any], swap: dict[str, Any]) -> None:
    names = ("tick_spacing", "sqrt_price_x96", "tick", "liquidity", "ticks")
    pool = _pool({"kind": kind, "fee_ppm": raw["fee"]} | {name: raw[name] for name in names})
    pair = PAIR if swap["zero_for_one"] else PAIR[::-1]
    execute = pool.swap_exact_in if swap["exact_in"] else pool.swap_exact_out

    if not swap.get("fully_filled") or "0" in (swap["amount_in"], swap["amount_out"]):
        with pytest.raises(InsufficientLiquidity):
            execute(*pair, int(swap["amount_specified"]), 0)
        return
    done = execute(*pair, int(swap["amount_specified"]), 0)

    assert (str(done.amount_in), str(done.amount_out)) == (swap["amount_in"], swap["amount_out"])


def test_reserves_of_a_memecoin_round_as_smaller_ones() -> None:
    pool = {
        "kind": "constant_product",
        "fee_ppm": 3000,
        "reserves": ["1200000000000000000000", "14000000000000000000000000000000"],
    }

    assert _line(pool, 1_000_000_000_000_001)["amount_out"] == "11631657002698318556470668"


@each_case(V2_CASES)
def test_constant_products_of_a_file_swap_as_uniswap_v2(case: dict[str, Any]) -> None:
    pool = _pool({"kind": "constant_product", "fee_ppm": 3000, "reserves": [case["reserve_in"], case["reserve_out"]]})
    execute = pool.swap_exact_in if case["kind"] == "exact_in" else pool.swap_exact_out

    if case["amount_out"] == "0":
        with pytest.raises(InsufficientLiquidity):
            execute(*PAIR, int(case["amount"]), 0)
        return
    done = execute(*PAIR, int(case["amount"]), 0)

    assert (str(done.amount_in), str(done.amount_out)) == (case["amount_in"], case["amount_out"])


@given(held=st.tuples(reserves, reserves), fee=st.integers(0, PPM - 1), share=st.integers(1, 10**9), down=st.booleans())
@settings(deadline=None)
def test_one_rule_for_reserves_of_every_size(held: tuple[int, int], fee: int, share: int, down: bool) -> None:
    pool = _pool({"kind": "constant_product", "fee_ppm": fee, "reserves": [str(held[0]), str(held[1])]})
    reserve_in, reserve_out = held if down else held[::-1]
    pair = PAIR if down else PAIR[::-1]
    amount = max(reserve_in * share // 10**8, 1)

    weighed = amount * (PPM - fee)
    expected = weighed * reserve_out // (reserve_in * PPM + weighed)
    if not expected:
        with pytest.raises(InsufficientLiquidity):
            pool.swap_exact_in(*pair, amount, 0)
        return
    sold = pool.swap_exact_in(*pair, amount, 0)
    assert sold.amount_out == expected
    assert sold.pool_after.balances() == {pair[0]: reserve_in + amount, pair[1]: reserve_out - expected}
    bought = pool.swap_exact_out(*pair, expected, 0)
    assert bought.amount_in == reserve_in * expected * PPM // ((reserve_out - expected) * (PPM - fee)) + 1


@pytest.mark.parametrize("bits", [99, 100, 101, 111, 112, 113, 127, 128, 160, 200])
@pytest.mark.parametrize("mode", ["exact_in", "exact_out"])
def test_no_size_changes_the_rule_on_the_way_through_the_router(bits: int, mode: str) -> None:
    for reserve in (2**bits - 1, 2**bits, 2**bits + 1):
        pool = {"kind": "constant_product", "fee_ppm": 3000, "reserves": [str(reserve), str(reserve // 3)]}
        amount = reserve // 1_000
        line = _line(pool, amount, mode=mode)

        if mode == "exact_in":
            weighed = amount * (PPM - 3000)
            assert line["amount_out"] == str(weighed * (reserve // 3) // (reserve * PPM + weighed))
        else:
            cost = reserve * amount * PPM // ((reserve // 3 - amount) * (PPM - 3000)) + 1
            assert line["amount_in"] == str(cost)


def test_an_order_beyond_what_a_pair_can_store_still_fills() -> None:
    pool = {"kind": "constant_product", "fee_ppm": 0, "reserves": [str(10**20), str(10**20)]}

    assert _line(pool, 10**40)["amount_out"] == str(10**40 * 10**20 // (10**20 + 10**40))
    assert _pool(pool | {"reserves": [str(LARGEST), str(LARGEST)]}).balances() == {"t0": LARGEST, "t1": LARGEST}
