"""Meteora DLMM pools with limit orders in their bins: met after the liquidity, at its price, on the side that pays."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from dex.errors import InsufficientLiquidity
from dex.pools import pool_from_state
from dex.pools.kinds.meteora_dlmm.fees import FEE_IN_Y, FEE_ON_INPUT, DlmmFees, Volatility
from dex.pools.kinds.meteora_dlmm.orders import BinOrders
from dex.pools.kinds.meteora_dlmm.pool import DlmmPool
from dex.pools.math.bins import price_q64
from dex.router import Market, find_route
from dex.testing import NOW, dlmm_pools, request
from dex.types import Side

# Beside the vectors of other programs, also where VECTORS_DIR names others.
VECTOR = json.loads((Path(__file__).parents[1] / "vectors" / "meteora_dlmm_orders.json").read_text(encoding="utf-8"))
CASE = VECTOR["pools"][0]
SOL_USDC = ("SOL", "USDC")
amounts = st.integers(0, 16).flatmap(lambda digits: st.integers(1, 10**digits))


def _state(case: dict[str, Any]) -> dict[str, Any]:
    names = ("bin_step", "active_id", "bins", "orders")
    return {name: case[name] for name in names} | {
        "fees": case["s_parameters"],
        "volatility": case["v_parameters"],
        "unclaimed": ["0", "0"],
    }


def _real_pool(**changes: Any) -> DlmmPool:
    pool = pool_from_state("meteora_dlmm", "pool", "meteora", SOL_USDC, _state(CASE) | changes)
    assert isinstance(pool, DlmmPool)
    return pool


def _pool(
    *orders: BinOrders, held: tuple[int, int] = (0, 100), fee_mode: int = FEE_ON_INPUT, base_factor: int = 0
) -> DlmmPool:
    """One bin at a price of one."""
    fees = DlmmFees(base_factor, 30, 600, 5_000, 0, 0, 1_000, collect_fee_mode=fee_mode)
    return DlmmPool("pool", "meteora", ("X", "Y"), 100, 0, fees, Volatility(0, 0, 0, NOW), ((0, *held),), orders=orders)


@pytest.mark.parametrize("swap", CASE["swaps"], ids=lambda swap: f"{swap['amount_in']}-{swap['swap_for_y']}")
def test_the_real_pool_pays_what_the_sdk_quotes(swap: dict[str, Any]) -> None:
    pool, amount = _real_pool(), int(swap["amount_in"])
    pair = SOL_USDC if swap["swap_for_y"] else SOL_USDC[::-1]

    walk = pool.walk(swap["swap_for_y"], amount, CASE["now"])

    assert (str(walk.amount_in), str(walk.amount_out)) == (swap["consumed_in"], swap["amount_out"])
    if swap["fully_filled"] and walk.amount_out:
        assert pool.swap_exact_in(*pair, amount, CASE["now"]).amount_out == walk.amount_out
        return
    with pytest.raises(InsufficientLiquidity):
        pool.swap_exact_in(*pair, amount, CASE["now"])


def test_the_orders_of_the_real_pool_are_the_whole_difference() -> None:
    amount, now = 10**12, CASE["now"]

    assert _real_pool().walk(True, amount, now).amount_out == 58_859_103_727
    assert _real_pool(orders=[]).walk(True, amount, now).amount_out == 58_846_556_189
    assert sum(int(first) + int(later) for _, _, first, later in CASE["orders"]) == 12_547_538


def test_orders_are_met_after_liquidity_and_those_begun_first() -> None:
    pool = _pool(BinOrders(0, False, 50, 30), held=(7, 100))

    assert pool.swap_exact_in("X", "Y", 100, NOW).pool_after.to_state()["orders"] == [[0, False, "50", "30"]]
    begun = pool.swap_exact_in("X", "Y", 120, NOW)
    assert begun.amount_out == 120
    assert begun.pool_after.to_state()["orders"] == [[0, False, "30", "30"]]
    # An open order that a swap begins to fill is a processed one from then on.
    opened = pool.swap_exact_in("X", "Y", 160, NOW).pool_after
    assert opened.to_state()["orders"] == [[0, False, "20", "0"]]
    # What the sellers gave for orders is their owners': it cannot be bought back.
    assert opened.to_state()["bins"] == [[0, "107", "0"]]
    assert opened.to_state()["unclaimed"] == ["60", "0"]
    assert opened.balances() == {"X": 167, "Y": 20}
    done = pool.swap_exact_in("X", "Y", 180, NOW).pool_after
    assert done.to_state()["orders"] == []
    with pytest.raises(InsufficientLiquidity):
        pool.swap_exact_in("X", "Y", 181, NOW)


def test_orders_of_the_other_side_are_not_met() -> None:
    asks, bids = _pool(BinOrders(0, True, 5, 6), held=(9, 9)), _pool(BinOrders(0, False, 5, 6), held=(9, 9))

    assert [pool.walk(True, 100, NOW).amount_out for pool in (asks, bids)] == [9, 20]
    assert [pool.walk(False, 100, NOW).amount_out for pool in (asks, bids)] == [20, 9]
    assert asks.swap_exact_in("X", "Y", 9, NOW).pool_after.to_state()["orders"] == [[0, True, "5", "6"]]


def test_a_bin_with_orders_alone_is_reached_and_prices_the_pool() -> None:
    pool = _pool(BinOrders(0, False, 0, 40), held=(0, 0))

    assert pool.swap_exact_in("X", "Y", 40, NOW).amount_out == 40
    assert pool.marginal_price("X", "Y", NOW) == 1.0
    assert pool.curve("X", "Y", NOW).capacity == (40.0,)
    state = pool.to_state() | {"bins": []}
    assert pool_from_state("meteora_dlmm", "pool", "meteora", ("X", "Y"), state) == pool


@pytest.mark.parametrize(
    ("sold", "protocol_fee"),
    # The fee is 10 %. Liquidity's part of it is rounded up, and the protocol takes a tenth of that; of the orders' part
    # it takes a half: of 150 a tenth of 112 and a half of 38, of 200 a tenth of 112 and a half of 88.
    [(1_000, 10), (1_112, 11), (1_500, 11 + 19), (2_000, 11 + 44)],
)
def test_the_fee_on_orders_is_halved_between_owners_and_protocol(sold: int, protocol_fee: int) -> None:
    pool = _pool(BinOrders(0, False, 400, 700), held=(0, 1_000), base_factor=10_000 * 10)

    walk = pool.walk(True, sold, NOW)

    assert (walk.amount_in, walk.amount_out, walk.fee) == (sold, sold * 9 // 10, -(-sold // 10))
    assert walk.protocol_fee == protocol_fee


@pytest.mark.parametrize("fee_mode", [FEE_ON_INPUT, FEE_IN_Y])
def test_a_fee_on_either_side_covers_orders_too(fee_mode: int) -> None:
    pool = _pool(BinOrders(0, False, 400, 600), held=(0, 1_000), fee_mode=fee_mode, base_factor=10_000 * 10)

    swap = pool.swap_exact_in("X", "Y", 1_500, NOW)

    assert (swap.amount_out, swap.fee, swap.fee_out) == (
        (1_350, 150, 0) if fee_mode == FEE_ON_INPUT else (1_350, 0, 150)
    )
    assert swap.pool_after.balances() == {"X": 1_500, "Y": 2_000 - 1_350}


def test_what_is_left_beside_a_full_bin_goes_as_a_fee() -> None:
    """The program asks whether net input is left: where none is, all of the gross one is taken."""
    pool = _pool(held=(0, 900), base_factor=10_000 * 10)

    assert pool.swap_exact_in("X", "Y", 1_000, NOW).fee == 100
    swap = pool.swap_exact_in("X", "Y", 1_001, NOW)
    assert (swap.amount_out, swap.fee) == (900, 101)
    with pytest.raises(InsufficientLiquidity):
        pool.swap_exact_in("X", "Y", 1_002, NOW)


@given(pool=dlmm_pools("pool", ("X", "Y")), amount=amounts, sells_x=st.booleans())
@settings(deadline=None)
def test_what_exact_in_pays_exact_out_buys_for_no_more_and_layer_by_layer(
    pool: DlmmPool, amount: int, sells_x: bool
) -> None:
    pair = ("X", "Y") if sells_x else ("Y", "X")
    try:
        sold = pool.swap_exact_in(*pair, amount, NOW)
    except InsufficientLiquidity:
        assume(False)
        raise

    bought = pool.swap_exact_out(*pair, sold.amount_out, NOW)

    assert bought.amount_out == sold.amount_out
    assert bought.amount_in <= amount


def test_exact_out_passes_by_a_bin_whose_fee_is_all_it_holds() -> None:
    fees = DlmmFees(10_000 * 10, 30, 600, 5_000, 0, 0, 1_000, collect_fee_mode=FEE_IN_Y)
    bins = ((-1, 0, 1_000), (0, 0, 1))
    pool = DlmmPool("pool", "meteora", ("X", "Y"), 100, 0, fees, Volatility(0, 0, 0, NOW), bins)

    bought = pool.swap_exact_out("X", "Y", 900, NOW)

    assert (bought.amount_in, bought.fee_out) == (1_011, 100)
    assert bought.pool_after.to_state()["bins"] == [[-1, "1011", "0"], [0, "0", "1"]]
    assert pool.walk(True, 1_012, NOW).amount_out == 900


@pytest.mark.parametrize("side", [Side.EXACT_IN, Side.EXACT_OUT])
def test_the_router_uses_orders(side: Side) -> None:
    pool = _pool(BinOrders(0, False, 400, 600), held=(0, 1_000))

    quote = find_route(Market([pool], NOW, 1), request("X", "Y", 1_700, side)).quote

    assert (quote.amount_in, quote.amount_out) == (1_700, 1_700)


@pytest.mark.parametrize(
    "orders",
    [
        [[0, False, "-1", "0"]],
        [[0, False, "0", "-1"]],
        [[0, 0, "1", "1"]],
        [[1, True, "1", "1"], [0, False, "1", "1"]],
        [[0, True, "1", "1"], [0, False, "1", "1"]],
    ],
)
def test_orders_that_cannot_be_are_refused(orders: list[Any]) -> None:
    with pytest.raises(ValueError, match="not the state of a meteora_dlmm pool"):
        pool_from_state("meteora_dlmm", "pool", "meteora", ("X", "Y"), _pool().to_state() | {"orders": orders})


def test_states_from_before_there_were_orders_are_read() -> None:
    state = _pool().to_state()
    del state["orders"]

    assert pool_from_state("meteora_dlmm", "pool", "meteora", ("X", "Y"), state) == _pool()
    assert price_q64(100, 0) == 1 << 64
