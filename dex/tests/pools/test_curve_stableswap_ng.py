"""Curve StableSwap NG against results of the contract, and the generic StableSwap against its rule."""

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from dex.errors import AmountTooSmall, InsufficientLiquidity
from dex.pools.kinds.curve_stableswap_ng.pool import StableFees, StablePool
from dex.pools.kinds.curve_stableswap_ng.stable_math import least
from dex.testing.curves import first_price
from dex.testing.kinds.curve_stableswap_ng import moving_stable_pools, stable_pool, stable_pools
from dex.tests.vector_files import VECTORS_DIR, each_of, load_vectors

POOLS = load_vectors("curve_stableswap_ng", "pools")
SWAPS = [(pool, swap) for pool in POOLS for swap in pool["swaps"]]
IDS = [f"{pool['id']}-{number}" for pool in POOLS for number, _ in enumerate(pool["swaps"])]
every_swap = each_of(("case", "swap"), SWAPS, IDS)
FLOAT_ERROR = 1e-9
ROUNDED = 1e-12  # of a slope, worked out in two ways
COINS = ("AAA", "BBB", "CCC", "DDD")

amounts = st.integers(0, 16).flatmap(lambda digits: st.integers(1, 10**digits))
pairs = st.permutations(COINS[:3]).map(lambda coins: (coins[0], coins[1]))


def _pool(case: dict[str, Any]) -> StablePool:
    n = case["n_coins"]
    return StablePool(
        "pool",
        "curve",
        COINS[:n],
        int(case["A_precise"]),
        StableFees(int(case["fee"]), int(case["offpeg_fee_multiplier"]), int(case["admin_fee"])),
        tuple(map(int, case["rates"])),
        tuple(map(int, case["balances"])),
        (0,) * n,
    )


def _swap(pool: StablePool, swap: dict[str, Any]) -> Any:
    return pool.swap_exact_in(COINS[swap["i"]], COINS[swap["j"]], int(swap["dx"]), 0)


@every_swap
def test_quote_equals_the_vector(case: dict[str, Any], swap: dict[str, Any]) -> None:
    quote = _pool(case).quote_exact_in(swap["i"], swap["j"], int(swap["dx"]))

    assert str(quote.amount_out) == swap["get_dy"] == swap["dy"]


@every_swap
def test_swap_leaves_the_balances_of_the_vector_and_pays_nobody_for_nothing(
    case: dict[str, Any], swap: dict[str, Any]
) -> None:
    pool = _pool(case)

    if swap["dy"] == "0":
        with pytest.raises(AmountTooSmall):
            _swap(pool, swap)
        return
    done = _swap(pool, swap)
    sold, bought, after = COINS[swap["i"]], COINS[swap["j"]], done.pool_after
    assert str(done.amount_out) == swap["dy"]
    assert [str(reserve) for reserve in after.reserves] == swap["balances_after"]
    assert after.balances()[sold] - pool.balances()[sold] == done.amount_in
    assert pool.balances()[bought] - after.balances()[bought] == done.amount_out


@pytest.mark.parametrize("case", POOLS, ids=lambda case: case["id"])
def test_swaps_one_after_another_equal_the_vector(case: dict[str, Any]) -> None:
    pool, results = _pool(case), []
    for swap in case["sequence"]:
        done = _swap(pool, swap)
        pool = done.pool_after
        results.append((str(done.amount_out), [str(reserve) for reserve in pool.reserves]))

    assert results == [(swap["dy"], swap["balances_after"]) for swap in case["sequence"]]


@every_swap
def test_exact_out_takes_the_least_input_that_pays_enough(case: dict[str, Any], swap: dict[str, Any]) -> None:
    pool, i, j, amount_out = _pool(case), swap["i"], swap["j"], int(swap["dy"])
    if not amount_out:
        return

    bought = pool.swap_exact_out(COINS[i], COINS[j], amount_out, 0)

    assert bought.amount_out == amount_out
    assert bought.amount_in <= int(swap["dx"])
    assert pool.quote_exact_in(i, j, bought.amount_in).amount_out >= amount_out
    assert pool.quote_exact_in(i, j, bought.amount_in - 1).amount_out < amount_out


@every_swap
def test_curve_is_above_the_vector_and_by_no_more_than_the_fee_moves(
    case: dict[str, Any], swap: dict[str, Any]
) -> None:
    pool, amount_in, amount_out = _pool(case), int(swap["dx"]), int(swap["dy"])
    pair = COINS[swap["i"]], COINS[swap["j"]]
    paid = pool.curve(*pair, 0).pays(amount_in)

    assert amount_out <= paid * (1 + FLOAT_ERROR) + 3
    assert amount_out <= amount_in * first_price(pool.curve(*pair, 0)) * (1 + FLOAT_ERROR) + 3
    assert paid * (1 - pool.fees.offpeg_fee_multiplier * pool.fees.fee / 1e20) * (1 - FLOAT_ERROR) - 3 <= amount_out
    if pool.fees.offpeg_fee_multiplier == 0:
        assert paid * (1 - FLOAT_ERROR) - 3 <= amount_out


@pytest.mark.parametrize("case", POOLS, ids=lambda case: case["id"])
def test_marginal_price_is_that_of_a_small_swap(case: dict[str, Any]) -> None:
    pool = _pool(case)
    amount_in = pool.reserves[0] // 10_000

    price = pool.quote_exact_in(0, 1, amount_in).amount_out / amount_in
    assert price == pytest.approx(pool.marginal_price("AAA", "BBB", 0), rel=2e-3)
    assert pool.marginal_price("AAA", "BBB", 0) <= first_price(pool.curve("AAA", "BBB", 0)) * (1 + ROUNDED)


def test_selling_far_more_than_a_pool_holds_can_pay_less_where_the_fee_moves() -> None:
    pool = stable_pool("pool", ("AAA", "BBB"), (10**15, 10**15), (6, 6), offpeg_fee_multiplier=20 * 10**10)

    assert pool.quote_exact_in(0, 1, 10**17).amount_out < pool.quote_exact_in(0, 1, 10**16).amount_out
    with pytest.raises(InsufficientLiquidity):
        pool.swap_exact_out("AAA", "BBB", 10**15 - 1, 0)


@pytest.mark.parametrize(("reserves", "decimals"), [((69_792, 1), (6, 6)), ((10**20, 9), (18, 19))])
def test_balances_that_are_too_far_apart_are_refused_everywhere(
    reserves: tuple[int, int], decimals: tuple[int, int]
) -> None:
    pool = stable_pool("pool", ("AAA", "BBB"), reserves, decimals, amplification=1)

    assert pool.marginal_price("AAA", "BBB", 0) == first_price(pool.curve("AAA", "BBB", 0)) == 0
    assert pool.curve("AAA", "BBB", 0).pays(1_000) == 0
    with pytest.raises(InsufficientLiquidity):
        pool.swap_exact_in("AAA", "BBB", 10, 0)
    with pytest.raises(InsufficientLiquidity):
        pool.swap_exact_out("BBB", "AAA", 10, 0)


def _generic_rule(
    balances: tuple[int, int], amp: int, fee_ppm: int, i: int, amount_in: int, scales: tuple[int, int]
) -> int:
    """Two coins, as the routing cases state the rule: Ann = amp n, the fee from the output, 18 decimals inside."""
    j, ann = 1 - i, amp * 2
    x, y = balances[i] * scales[i], balances[j] * scales[j]
    total = d = x + y
    before = 0
    while abs(d - before) > 1:
        product = d * d // (balances[0] * scales[0]) * d // (balances[1] * scales[1]) // 4
        before, d = d, (ann * total + 2 * product) * d // ((ann - 1) * d + 3 * product)
    x += amount_in * scales[i]
    c = d * d // (2 * x) * d // (2 * ann)
    after, before = d, 0
    while abs(after - before) > 1:
        before, after = after, (after * after + c) // (2 * after + x + d // ann - d)
    gross = y - after - 1
    return (gross - gross * fee_ppm // 1_000_000) // scales[j]


@given(data=st.data(), amp=st.integers(1, 5_000), fee_ppm=st.integers(0, 10_000), amount_in=amounts)
def test_the_generic_stable_pool_is_this_kind(data: Any, amp: int, fee_ppm: int, amount_in: int) -> None:
    decimals = data.draw(st.tuples(*[st.sampled_from([6, 8, 9, 18])] * 2))
    reserves = tuple(data.draw(st.integers(1_000, 10**6)) * 10**places for places in decimals)
    i = data.draw(st.integers(0, 1))
    pool = stable_pool("pool", COINS[:2], reserves, decimals, amplification=amp, fee_ppm=fee_ppm)

    paid = pool.quote_exact_in(i, 1 - i, amount_in).amount_out

    scales = (10 ** (18 - decimals[0]), 10 ** (18 - decimals[1]))
    assert paid == _generic_rule((reserves[0], reserves[1]), amp, fee_ppm, i, amount_in, scales)


@pytest.mark.parametrize("name", ["v005", "v023"])
def test_one_generic_pool_pays_what_the_routing_case_says(name: str) -> None:
    routing = json.loads((VECTORS_DIR / "routing_cases.json").read_text(encoding="utf-8"))
    case = next(case for case in routing["cases"] if case["id"] == name)
    graph, best = routing["graphs"][case["graph"]], case["reference"]["best_single_path"]
    stated = next(pool for pool in graph["pools"] if [pool["id"]] == best["pools"])
    tokens = tuple(graph["tokens"][token]["symbol"] for token in stated["tokens"])
    pool = stable_pool(
        "pool",
        tokens,
        tuple(map(int, stated["reserves"])),
        tuple(graph["tokens"][token]["decimals"] for token in stated["tokens"]),
        amplification=int(stated["amp"]),
        fee_ppm=stated["fee_ppm"],
    )
    pair = graph["tokens"][case["token_in"]]["symbol"], graph["tokens"][case["token_out"]]["symbol"]

    assert str(pool.swap_exact_in(*pair, int(case["amount"]), 0).amount_out) == best["amount_out_integer"]
    assert pool.curve(*pair, 0).pays(int(case["amount"])) == pytest.approx(float(best["amount_out"]), rel=1e-14)


def _sell_or_skip(pool: StablePool, pair: tuple[str, str], amount: int) -> Any:
    try:
        return pool.swap_exact_in(*pair, amount, 0)
    except InsufficientLiquidity:
        assume(False)
        raise


MANY_COINS = {
    f"{count} coins, {fee} fee": pools("pool", COINS[:count])
    for count in (3, 4)
    for fee, pools in {"fixed": stable_pools, "moving": moving_stable_pools}.items()
}
many_coins = pytest.mark.parametrize("pools", MANY_COINS.values(), ids=MANY_COINS.keys())


@many_coins
@given(data=st.data(), pair=pairs, amount=amounts)
def test_of_many_coins_two_move_and_none_is_lost(pools: Any, data: Any, pair: tuple[str, str], amount: int) -> None:
    pool = data.draw(pools)
    swap = _sell_or_skip(pool, pair, amount)

    moved = {coin: swap.pool_after.balances()[coin] - held for coin, held in pool.balances().items()}
    assert moved == dict.fromkeys(pool.tokens, 0) | {pair[0]: amount, pair[1]: -swap.amount_out}
    assert StablePool.from_state("pool", "curve", pool.tokens, swap.pool_after.to_state()) == swap.pool_after


@many_coins
@given(data=st.data(), pair=pairs, amount=amounts)
def test_exact_out_between_many_coins_is_the_least(pools: Any, data: Any, pair: tuple[str, str], amount: int) -> None:
    pool = data.draw(pools)
    sold = _sell_or_skip(pool, pair, amount)
    bought = pool.swap_exact_out(*pair, sold.amount_out, 0)

    i, j = map(COINS.index, pair)
    assert bought.amount_in <= amount
    assert pool.quote_exact_in(i, j, bought.amount_in).amount_out >= sold.amount_out
    assert pool.quote_exact_in(i, j, bought.amount_in - 1).amount_out < sold.amount_out


@many_coins
@given(data=st.data(), pair=pairs, amount=amounts, more=amounts)
def test_no_swap_beats_a_concave_curve(pools: Any, data: Any, pair: tuple[str, str], amount: int, more: int) -> None:
    pool = data.draw(pools)
    curve = pool.curve(*pair, 0)
    bound = first_price(curve)
    swap = _sell_or_skip(pool, pair, amount)

    half, full = curve.pays(amount + more / 2), curve.pays(amount + more)
    assert swap.amount_out <= curve.pays(amount) * (1 + FLOAT_ERROR)
    assert curve.pays(amount) <= amount * bound * (1 + FLOAT_ERROR)
    assert pool.marginal_price(*pair, 0) <= bound * (1 + ROUNDED)
    assert (curve.pays(amount) + full) / 2 <= half * (1 + FLOAT_ERROR)


@many_coins
@given(data=st.data(), pair=pairs, amount=amounts)
def test_there_and_back_never_gains(pools: Any, data: Any, pair: tuple[str, str], amount: int) -> None:
    pool = data.draw(pools)
    there = _sell_or_skip(pool, pair, amount)
    back = _sell_or_skip(there.pool_after, pair[::-1], there.amount_out)

    assert back.amount_out <= amount


@pytest.mark.parametrize("fee_grows", [True, False])
def test_a_moving_fee_starts_the_curve_at_the_lowest_fee_of_the_way(fee_grows: bool) -> None:
    reserves = (3 * 10**15, 10**15) if fee_grows else (10**15, 3 * 10**15)
    pool = stable_pool("pool", ("AAA", "BBB"), reserves, (6, 6), offpeg_fee_multiplier=5 * 10**10)

    fee_at_start = pool.fee_ppm("AAA", 0)
    lowest = fee_at_start if fee_grows else 400
    without_fee = replace(pool, fees=StableFees(0)).curve("AAA", "BBB", 0).pays(10**14)
    assert 400 < fee_at_start < 2_000
    assert pool.curve("AAA", "BBB", 0).pays(10**14) == pytest.approx(without_fee * (1 - lowest / 1e6), rel=1e-9)


@given(answer=st.integers(1, 10**30), guess=st.integers(-5, 10**30))
def test_least_finds_the_first_that_holds_from_any_guess(answer: int, guess: int) -> None:
    assert least(lambda number: number >= answer, guess) == answer


def test_a_state_that_no_pool_has_is_refused() -> None:
    state = stable_pool("pool", ("AAA", "BBB"), (10**15, 10**15), (6, 6)).to_state()
    bad_states: list[dict[str, Any]] = [
        {"amp": 99},
        {"fee": -1},
        {"fee": 6 * 10**9},
        {"offpeg_fee_multiplier": 10**14},
        {"admin_fee": 10**10 + 1},
        {"rates": ["0", "1"]},
        {"reserves": ["1", "0"]},
        {"reserves": ["1", "1", "1"]},
        {"unclaimed": ["0", "-1"]},
    ]

    for change in bad_states:
        with pytest.raises(ValueError, match="not the state of a curve_stableswap_ng pool"):
            StablePool.from_state("pool", "curve", ("AAA", "BBB"), state | change)
