"""Raydium CPMM against results of the SDK and of the compiled program."""

from typing import Any

import pytest

from dex.errors import AmountTooSmall
from dex.pools.kinds.raydium_cpmm import CpmmFees, CpmmPool
from dex.tests.vector_files import load_vectors

CASES = load_vectors("raydium_cpmm", "cases")


def _pool(case: dict[str, Any]) -> CpmmPool:
    fees = CpmmFees(
        trade_rate=int(case["trade_fee_rate"]),
        creator_rate=int(case["creator_fee_rate"]),
        creator_fee_on="input" if case["creator_fee_on_input"] else "token1",
        protocol_rate=int(case["protocol_fee_rate"]),
        fund_rate=int(case["fund_fee_rate"]),
    )
    return CpmmPool("pool", "raydium", ("IN", "OUT"), fees, (int(case["vault_in"]), int(case["vault_out"])))


def _is_refused(case: dict[str, Any]) -> bool:
    """Zero output is refused by every build of the program, also where the one at hand could not be run."""
    is_refused: bool = case["program"] == "rejected" or case["amount_out"] == "0"
    return is_refused


def _swap(case: dict[str, Any]) -> Any:
    pool, amount = _pool(case), int(case["amount"])
    swap = pool.swap_exact_in if case["kind"] == "exact_in" else pool.swap_exact_out
    return swap("IN", "OUT", amount, 0)


@pytest.mark.parametrize("case", [c for c in CASES if not _is_refused(c)], ids=lambda c: c["id"])
def test_swap_equals_the_vector(case: dict[str, Any]) -> None:
    pool, amount = _pool(case), int(case["amount"])
    quote = pool.quote_exact_in(0, amount) if case["kind"] == "exact_in" else pool.quote_exact_out(0, amount)
    protocol_fee, fund_fee = pool.shared_fees(quote.trade_fee)

    assert {
        "amount_in": str(quote.amount_in),
        "amount_out": str(quote.amount_out),
        "trade_fee": str(quote.trade_fee),
        "creator_fee": str(quote.creator_fee),
        "protocol_fee": str(protocol_fee),
        "fund_fee": str(fund_fee),
        "new_vault_in_amount": str(pool.reserves[0] + quote.net_in),
        "new_vault_out_amount": str(pool.reserves[1] - quote.gross_out),
    }.items() <= case.items()


@pytest.mark.parametrize("case", [c for c in CASES if not _is_refused(c)], ids=lambda c: c["id"])
def test_pool_after_keeps_the_providers_fee_and_sets_the_others_aside(case: dict[str, Any]) -> None:
    swap = _swap(case)

    after = swap.pool_after
    shared = int(case["protocol_fee"]) + int(case["fund_fee"])
    creator = int(case["creator_fee"])
    providers = int(case["trade_fee"]) - shared
    assert after.reserves[0] == int(case["new_vault_in_amount"]) + providers
    assert after.reserves[1] == int(case["new_vault_out_amount"])
    assert after.unclaimed == ((shared + creator, 0) if case["creator_fee_on_input"] else (shared, creator))


@pytest.mark.parametrize("case", [c for c in CASES if _is_refused(c)], ids=lambda c: c["id"])
def test_what_the_program_refuses_is_refused(case: dict[str, Any]) -> None:
    with pytest.raises(AmountTooSmall):
        _swap(case)
