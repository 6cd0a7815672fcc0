"""Meteora DAMM v2 against results of the SDK and of the compiled program."""

from dataclasses import replace
from typing import Any

import pytest

from dex.errors import AmountTooSmall, InsufficientLiquidity
from dex.pools.kinds.meteora_damm_v2.fees import COMPOUNDING, FEE_IN_B, DammFees, DammVolatility, DynamicFee, FeeDecay
from dex.pools.kinds.meteora_damm_v2.pool import DammPool, DammQuote
from dex.testing.kinds.meteora_damm_v2 import damm_pool, range_reserves
from dex.tests.vector_files import each_case, load_vectors

CASES = load_vectors("meteora_damm_v2", "cases")
MAX_VOLATILITY = 350_000
ONE = 1 << 64


def _fees(case: dict[str, Any]) -> DammFees:
    decay, dynamic = case["scheduler"] or {}, case["dynamic_fee"] or {}
    assert decay.get("mode", "linear") == "linear"
    return DammFees(
        cliff_fee_numerator=int(case["cliff_fee_numerator"]),
        collect_fee_mode=case["collect_fee_mode"],
        compounding_fee_bps=case["compounding_fee_bps"],
        protocol_fee_percent=case["protocol_fee_percent"],
        referral_fee_percent=case["referral_fee_percent"],
        fee_version=case["fee_version"],
        decay=FeeDecay(
            number_of_period=decay.get("number_of_period", 0),
            period_frequency=int(decay.get("period_frequency", 0)),
            reduction_factor=int(decay.get("reduction_factor", 0)),
            activation_point=int(decay.get("activation_point", 0)),
        ),
        dynamic=DynamicFee(
            bin_step=dynamic.get("bin_step", 1),
            variable_fee_control=dynamic.get("variable_fee_control", 0),
            max_volatility_accumulator=MAX_VOLATILITY,
        ),
    )


def _pool(case: dict[str, Any]) -> DammPool:
    liquidity, sqrt_price = int(case["liquidity"]), int(case["sqrt_price"])
    price_range = int(case["sqrt_min_price"]), int(case["sqrt_max_price"])
    if case["collect_fee_mode"] == COMPOUNDING:
        reserves = int(case["token_a_amount"]), int(case["token_b_amount"])
    else:
        reserves = range_reserves(liquidity, sqrt_price, price_range)
    volatility = DammVolatility(int((case["dynamic_fee"] or {}).get("volatility_accumulator", 0)))
    return DammPool(
        "pool", "meteora", ("A", "B"), _fees(case), volatility, liquidity, sqrt_price, price_range, reserves
    )


def _now(case: dict[str, Any]) -> int:
    return int((case["scheduler"] or {}).get("current_point", 0))


def _quote(case: dict[str, Any]) -> DammQuote:
    pool = _pool(case)
    quote = pool.quote_exact_in if case["kind"] == "exact_in" else pool.quote_exact_out
    return quote(case["a_to_b"], int(case["amount"]), _now(case), case["has_referral"])


def _swap(case: dict[str, Any]) -> Any:
    pool = _pool(case)
    swap = pool.swap_exact_in if case["kind"] == "exact_in" else pool.swap_exact_out
    return swap(*(("A", "B") if case["a_to_b"] else ("B", "A")), int(case["amount"]), _now(case))


def _is_done(case: dict[str, Any]) -> bool:
    return "error" not in case and case["amount_out"] != "0"


@each_case(CASES)
def test_fee_rate_equals_the_vector(case: dict[str, Any]) -> None:
    assert _pool(case).fee_ppm("A", _now(case)) == int(case["trade_fee_numerator"]) / 1_000


@each_case([c for c in CASES if "error" not in c])
def test_quote_equals_the_vector(case: dict[str, Any]) -> None:
    quote = _quote(case)

    results = {
        "amount_in": quote.amount_in,
        "amount_out": quote.amount_out,
        "next_sqrt_price": quote.next_sqrt_price,
        **quote.fees._asdict(),
    }
    assert {key: str(value) for key, value in results.items()}.items() <= case.items()


@each_case([c for c in CASES if _is_done(c)])
def test_swap_moves_what_the_vector_says_and_keeps_every_fee(case: dict[str, Any]) -> None:
    pool, swap = _pool(case), _swap(case)

    after = swap.pool_after
    fees = {key: int(case[key]) for key in ("claiming_fee", "protocol_fee", "referral_fee", "compounding_fee")}
    assert (str(swap.amount_in), str(swap.amount_out)) == (case["amount_in"], case["amount_out"])
    assert str(after.sqrt_price) == case["next_sqrt_price"]
    assert swap.fee + swap.fee_out == sum(fees.values())
    # Nobody refers these swaps: the referrer's part stays with the protocol.
    assert sum(after.unclaimed) == sum(fees.values()) - fees["compounding_fee"]
    sold, bought = ("A", "B") if case["a_to_b"] else ("B", "A")
    assert after.balances()[sold] - pool.balances()[sold] == swap.amount_in
    assert pool.balances()[bought] - after.balances()[bought] == swap.amount_out


@each_case([c for c in CASES if _is_done(c)])
def test_state_after_a_swap_is_still_a_pool_and_can_pay_for_its_whole_range(case: dict[str, Any]) -> None:
    after = _swap(case).pool_after

    assert DammPool.from_state("pool", "meteora", ("A", "B"), after.to_state()) == after


@each_case([c for c in CASES if _is_done(c)])
def test_exact_out_asks_for_the_least_input_that_pays_enough(case: dict[str, Any]) -> None:
    pool, sells_a, amount_out, now = _pool(case), case["a_to_b"], int(case["amount_out"]), _now(case)

    amount_in = pool.quote_exact_out(sells_a, amount_out, now).amount_in

    assert amount_in <= int(case["amount_in"])
    assert pool.quote_exact_in(sells_a, amount_in, now).amount_out >= amount_out
    assert pool.quote_exact_in(sells_a, amount_in - 1, now).amount_out < amount_out


@each_case([c for c in CASES if not _is_done(c)])
def test_what_leaves_the_range_or_pays_nothing_is_refused(case: dict[str, Any]) -> None:
    with pytest.raises(InsufficientLiquidity if "error" in case else AmountTooSmall):
        _swap(case)


@each_case([c for c in CASES if _is_done(c)])
def test_curve_lies_just_above_the_vector(case: dict[str, Any]) -> None:
    pair = ("A", "B") if case["a_to_b"] else ("B", "A")
    curve = _pool(case).curve(*pair, _now(case))

    amount_in, amount_out = int(case["amount_in"]), int(case["amount_out"])
    assert curve.pays(amount_in - 3) * (1 - 1e-9) - 3 <= amount_out <= curve.pays(amount_in) * (1 + 1e-9)


def test_a_pool_at_the_end_of_its_range_sells_nothing_more() -> None:
    pool = damm_pool("pool", ("A", "B"), (10**12, 10**12))
    lowest = pool.price_range[0]
    held = range_reserves(pool.liquidity, lowest, pool.price_range)
    at_the_end = replace(pool, sqrt_price=lowest, reserves=held)

    assert at_the_end.curve("A", "B", 0).pays(10**9) == at_the_end.marginal_price("A", "B", 0) == 0
    assert at_the_end.marginal_price("B", "A", 0) > 0
    with pytest.raises(InsufficientLiquidity):
        at_the_end.swap_exact_in("A", "B", 10**9, 0)


def test_base_rate_sinks_with_every_period_and_then_stays() -> None:
    fees = DammFees(50_000_000, decay=FeeDecay(10, 60, 1_000_000, activation_point=1_000))

    rates = [fees.rate(0, now) for now in (1_000, 1_059, 1_060, 1_599, 1_600, 9_999)]
    assert rates == [50_000_000, 50_000_000, 49_000_000, 41_000_000, 40_000_000, 40_000_000]
    assert fees.rate(0, 999) == 40_000_000


@pytest.mark.parametrize(
    ("elapsed", "expected"),
    [
        (9, DammVolatility(220_000, 20_000, ONE, 109)),  # a flurry of trades: both references hold still
        (10, DammVolatility(325_000, 25_000, ONE * 2000 // 2001, 110)),  # half of the old accumulator is remembered
        (120, DammVolatility(300_000, 0, ONE * 2000 // 2001, 220)),  # nothing is
    ],
)
def test_volatility_follows_the_price(elapsed: int, expected: DammVolatility) -> None:
    dynamic = DynamicFee(1, 40_000, MAX_VOLATILITY, filter_period=10, decay_period=120, reduction_factor=5_000)
    start, end = ONE * 2000 // 2001, ONE * 1001 // 1000 + 1  # 5 bins below the reference, 10 above it

    after = DammVolatility(50_000, 20_000, ONE, 100).after_swap(start, end, 100 + elapsed, dynamic)

    assert after == expected


def test_volatility_is_capped_and_its_time_stands_still_inside_a_bin() -> None:
    dynamic = DynamicFee(1, 40_000, MAX_VOLATILITY, filter_period=10, decay_period=120, reduction_factor=5_000)
    before = DammVolatility(0, 0, ONE, 100)

    assert before.after_swap(ONE, 2 * ONE, 105, dynamic) == DammVolatility(MAX_VOLATILITY, 0, ONE, 105)
    assert before.after_swap(ONE, ONE + 1, 105, dynamic) == before


def test_a_swap_pays_by_the_old_volatility_and_leaves_the_new_one() -> None:
    calm = damm_pool("pool", ("A", "B"), (10**12, 10**12))
    moving = replace(calm, fees=DammFees(2_500_000, FEE_IN_B, dynamic=DynamicFee(1, 4_000_000, MAX_VOLATILITY)))

    first = moving.swap_exact_in("A", "B", 10**10, 1_000)
    second = first.pool_after.swap_exact_in("A", "B", 10**10, 1_000)

    assert first.amount_out == calm.swap_exact_in("A", "B", 10**10, 1_000).amount_out
    assert first.pool_after.fee_ppm("A", 1_000) > moving.fee_ppm("A", 1_000) == 2_500
    assert second.fee_out > first.fee_out


def test_a_state_that_no_pool_has_is_refused() -> None:
    pool = damm_pool("pool", ("A", "B"), (10**12, 10**12))
    state = pool.to_state()
    bad_fees: list[dict[str, int]] = [
        {"collect_fee_mode": 3},
        {"fee_version": 2},
        {"cliff_fee_numerator": 990_000_001},
        {"compounding_fee_bps": 1},
        {"protocol_fee_percent": 101},
    ]
    bad_states: list[dict[str, Any]] = [
        {"reserves": ["1", state["reserves"][1]]},
        {"unclaimed": ["0", "-1"]},
        {"liquidity": "0"},
        {"sqrt_price": str(pool.price_range[1] + 1)},
        *({"fees": state["fees"] | fee} for fee in bad_fees),
    ]

    for change in bad_states:
        with pytest.raises(ValueError, match="not the state of a meteora_damm_v2 pool"):
            DammPool.from_state("pool", "meteora", ("A", "B"), state | change)
