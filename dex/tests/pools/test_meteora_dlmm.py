"""Meteora DLMM against results of the SDK and of the compiled program."""

from typing import Any

import pytest

from dex.errors import InsufficientLiquidity
from dex.pools.kinds.meteora_dlmm.fees import DlmmFees, Volatility
from dex.pools.kinds.meteora_dlmm.pool import DlmmPool
from dex.pools.math.bins import price_q64
from dex.testing import NOW
from dex.testing.kinds.meteora_dlmm import dlmm_pool
from dex.tests.vector_files import each_of, load_vectors

POOLS = load_vectors("meteora_dlmm", "pools")
SWAPS = [(pool, swap) for pool in POOLS for swap in pool["swaps"]]
IDS = [f"{pool['id']}-{number}" for pool in POOLS for number, _ in enumerate(pool["swaps"])]


def _pool(case: dict[str, Any]) -> DlmmPool:
    return DlmmPool(
        "pool",
        "meteora",
        ("X", "Y"),
        case["bin_step"],
        case["active_id"],
        DlmmFees(**case["s_parameters"]),
        Volatility(**case["v_parameters"]),
        tuple((b["id"], int(b["x"]), int(b["y"])) for b in case["bins"]),
    )


def _is_refused(swap: dict[str, Any]) -> bool:
    return swap["program"] == "rejected" or not swap["fully_filled"] or swap["amount_out"] == "0"


@pytest.mark.parametrize("case", POOLS, ids=lambda case: case["id"])
def test_price_follows_from_bin_step_and_id(case: dict[str, Any]) -> None:
    assert [str(price_q64(case["bin_step"], b["id"])) for b in case["bins"]] == [b["price_q64"] for b in case["bins"]]


@each_of(("case", "swap"), SWAPS, IDS)
def test_walk_equals_the_vector(case: dict[str, Any], swap: dict[str, Any]) -> None:
    walk = _pool(case).walk(swap["swap_for_y"], int(swap["amount_in"]), case["now"])

    if swap["amount_out"] == "0":
        assert walk.amount_out == 0
        return
    assert {
        "consumed_in": str(walk.amount_in),
        "amount_out": str(walk.amount_out),
        "fee": str(walk.fee - walk.protocol_fee),  # the SDK counts the providers' part alone
        "protocol_fee": str(walk.protocol_fee),
        "bins_touched": walk.bins_touched,
        "last_bin_id": walk.bins[walk.last_index][0],
        "fully_filled": walk.amount_in == int(swap["amount_in"]),
    }.items() <= swap.items()


@each_of(("case", "swap"), SWAPS, IDS)
def test_swap_is_refused_where_the_program_refuses_it(case: dict[str, Any], swap: dict[str, Any]) -> None:
    tokens = ("X", "Y") if swap["swap_for_y"] else ("Y", "X")

    if _is_refused(swap):
        with pytest.raises(InsufficientLiquidity):
            _pool(case).swap_exact_in(*tokens, int(swap["amount_in"]), case["now"])
    else:
        done = _pool(case).swap_exact_in(*tokens, int(swap["amount_in"]), case["now"])
        assert str(done.amount_out) == swap["amount_out"]
        assert done.pool_after.active_id == swap["last_bin_id"]  # type: ignore[attr-defined]


@each_of(("case", "swap"), SWAPS, IDS)
def test_exact_out_is_the_least_input_that_pays_enough(case: dict[str, Any], swap: dict[str, Any]) -> None:
    pool, sells_x, amount_out = _pool(case), swap["swap_for_y"], int(swap["amount_out"])
    if not amount_out or not swap["fully_filled"]:
        return

    bought = pool.swap_exact_out(*(("X", "Y") if sells_x else ("Y", "X")), amount_out, case["now"])

    assert bought.amount_out == amount_out
    assert bought.amount_in <= int(swap["amount_in"])
    assert pool.walk(sells_x, bought.amount_in, case["now"]).amount_out >= amount_out
    assert pool.walk(sells_x, bought.amount_in - 1, case["now"]).amount_out < amount_out


def test_its_fee_moves_until_volatility_has_settled() -> None:
    pool = dlmm_pool("pool", ("X", "Y"), 0, (10**9, 10**9))
    traded = pool.swap_exact_in("X", "Y", 3 * 10**9, NOW).pool_after
    assert isinstance(traded, DlmmPool)

    assert not traded.fee_moves(NOW, NOW + 29)
    assert traded.fee_moves(NOW + 29, NOW + 30)
    assert not traded.fee_moves(NOW + 30, NOW + 599)
    assert traded.fee_moves(NOW + 599, NOW + 600)
    assert not traded.fee_moves(NOW + 600, NOW + 10**6)
    assert not pool.fee_moves(NOW, NOW + 10**6)


def test_a_fee_that_follows_nothing_never_moves() -> None:
    pool = dlmm_pool("pool", ("X", "Y"), 0, (10**9, 10**9), variable_fee_control=0)
    traded = pool.swap_exact_in("X", "Y", 3 * 10**9, NOW).pool_after

    assert not any(traded.fee_moves(NOW, NOW + later) for later in (29, 30, 600))
