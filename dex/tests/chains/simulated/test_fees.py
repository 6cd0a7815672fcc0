"""What the simulated chain charges, and what becomes of transactions whose wallets cannot pay."""

from dataclasses import replace

import pytest

from dex import CancellationIntent, Fees, Hop, Route, Side
from dex.chains.simulated.fees import COLLECTOR, NATIVE, PERCENT, TRANSACTION_FEE, costs, fee_of, offered
from dex.chains.simulated.ledger import Ledger, Undone, executable, execute, execute_in_turn
from dex.chains.simulated.options import SWAP_FEE, USUAL_FEES
from dex.chains.simulated.transaction import Transaction
from dex.costs import FeeStrategy
from dex.testing import NOW
from dex.tests.chains.simulated.ledgers import (
    POOLS,
    WALLET,
    changed,
    funded,
    same_but_for_nonce_and_fee,
    totals,
    transaction,
)

FEE = TRANSACTION_FEE + SWAP_FEE
SOLD = 10**9


def sale(nonce: int, sold: int = SOLD, fees: Fees = USUAL_FEES) -> Transaction:
    """One swap of SOL for USDC."""
    pool = POOLS["raydium-sol-usdc"]
    swap = pool.swap_exact_in("SOL", "USDC", sold, NOW)
    route = Route("SOL", "USDC", (Hop(pool.venue, pool.pool_id, "SOL", "USDC", sold, swap.amount_out),))
    return replace(transaction(Side.EXACT_IN, route, nonce=nonce, fees=fees), tx_hash=f"sale/{nonce}")


def cancellation(nonce: int) -> Transaction:
    return Transaction(f"cancellation/{nonce}", CancellationIntent(WALLET, nonce, USUAL_FEES.bumped()))


def in_a_block(ledger: Ledger, *pending: Transaction) -> tuple[list[str], list[str]]:
    """The hashes of what a block takes, and of what it drops."""
    executed, unpaid = execute_in_turn(ledger, executable(ledger, pending), NOW)
    return [item.tx_hash for item in executed], unpaid


@pytest.mark.parametrize("swap_fee", [0, 1, 3, 9_999, SWAP_FEE, 10**9])
def test_strategies_differ_in_the_price_of_a_swap_alone(swap_fee: int) -> None:
    stated = costs(swap_fee)

    assert {item.token for item in stated.values()} == {NATIVE}
    assert {item.per_transaction for item in stated.values()} == {5_000}
    assert [stated[strategy].of_swap("any kind") for strategy in FeeStrategy] == [
        -(-swap_fee // 2),
        swap_fee,
        2 * swap_fee,
    ]
    assert len({offered(swap_fee, strategy).max_fee for strategy in PERCENT}) == 1
    assert all(offered(swap_fee, strategy).max_fee >= offered(swap_fee, strategy).priority_fee for strategy in PERCENT)


def test_the_usual_fees_are_those_of_every_version() -> None:
    """Bytes that an older engine signed cost what this one states."""
    assert Fees(2_000_000_000, 100_000_000) == USUAL_FEES
    assert fee_of(sale(0).intent) == 15_000


def test_a_replacement_pays_for_its_bump_and_bytes_without_fees_the_fixed_part() -> None:
    assert fee_of(sale(0, fees=USUAL_FEES.bumped()).intent) == TRANSACTION_FEE + SWAP_FEE * 9 // 8
    assert fee_of(sale(0, fees=Fees()).intent) == TRANSACTION_FEE


def test_a_cancellation_pays_the_fixed_part_whatever_it_offers() -> None:
    ledger = funded()

    done = execute(ledger, cancellation(0), NOW)

    assert (done.code, done.fee_paid) == (None, TRANSACTION_FEE)
    assert same_but_for_nonce_and_fee(ledger, funded(), TRANSACTION_FEE)


@pytest.mark.parametrize("terms", [{"deadline": NOW - 1}, {"min_amount_out": 10**15}, {"scenario": "slippage"}])
def test_what_is_undone_pays_as_well(terms: dict[str, int | str]) -> None:
    ledger, rich = funded(), funded()
    supply = totals(ledger)

    done = execute(ledger, changed(sale(0), **{"min_amount_out": sale(0).swap.route.amount_out - 1} | terms), NOW)

    assert (done.code in {"expired", "slippage"}, done.fee_paid, done.route) == (True, FEE, None)
    assert ledger.balances[WALLET, NATIVE] == rich.balances[WALLET, NATIVE] - FEE
    assert ledger.balances[COLLECTOR, NATIVE] == FEE
    assert totals(ledger) == supply


@pytest.mark.parametrize("item", [sale(0), cancellation(0)])
def test_no_block_takes_what_its_wallet_cannot_pay_for(item: Transaction) -> None:
    fee = fee_of(item.intent)
    poor, enough = funded(SOL=fee - 1), funded(SOL=fee)
    before = poor.copy()

    with pytest.raises(Undone, match=f"{fee} are needed"):
        execute(poor, item, NOW)

    assert (poor.balances, poor.nonces, poor.pools) == (before.balances, before.nonces, before.pools)
    assert execute(enough, item, NOW).fee_paid == fee
    assert enough.balances[WALLET, NATIVE] == 0
    assert enough.nonces == {WALLET: 1}


def test_the_fee_comes_before_the_sale() -> None:
    """What sells the last atoms of the native token is undone, and has paid."""
    ledger = funded(SOL=SOLD + FEE - 1)

    done = execute(ledger, sale(0), NOW)

    assert (done.code, done.fee_paid) == ("insufficient_funds", FEE)
    assert ledger.balances[WALLET, NATIVE] == SOLD - 1
    assert execute(funded(SOL=SOLD + FEE), sale(0), NOW).code is None


def test_a_fee_is_not_paid_from_what_the_swap_buys() -> None:
    pool = POOLS["raydium-sol-usdc"]
    route = Route("USDC", "SOL", (Hop(pool.venue, pool.pool_id, "USDC", "SOL", 10**9, 10**9),))
    ledger = funded(USDC=10**12, SOL=TRANSACTION_FEE - 1)

    with pytest.raises(Undone):
        execute(ledger, transaction(Side.EXACT_IN, route), NOW)


def test_what_an_earlier_transaction_leaves_no_money_for_is_dropped_and_later_nonces_wait() -> None:
    ledger = funded(SOL=SOLD + FEE + FEE - 1)

    taken, dropped = in_a_block(ledger, sale(0), sale(1), sale(2), cancellation(3))

    assert (taken, dropped) == (["sale/0"], ["sale/1"])
    assert ledger.nonces == {WALLET: 1}
    assert in_a_block(ledger, sale(2), cancellation(3)) == ([], [])
    # The cancellation of its nonce costs less, and lets those behind it have their turn.
    assert in_a_block(ledger, cancellation(1), sale(2), cancellation(3)) == (["cancellation/1"], ["sale/2"])
    assert ledger.nonces == {WALLET: 2}
    ledger.balances[WALLET, NATIVE] = 2 * FEE + SOLD
    assert in_a_block(ledger, sale(2), cancellation(3)) == (["sale/2", "cancellation/3"], [])


def test_wallets_that_cannot_pay_hold_up_no_others() -> None:
    ledger = funded(SOL=0)
    ledger.balances["other", NATIVE] = SOLD + FEE
    theirs = replace(changed(sale(0), wallet="other"), tx_hash="theirs")

    assert in_a_block(ledger, sale(0), theirs) == (["theirs"], ["sale/0"])
    assert ledger.nonces == {"other": 1}


def test_of_two_at_one_nonce_the_dearer_is_dropped_first_and_the_cheaper_executes() -> None:
    dear = replace(sale(0, fees=USUAL_FEES.bumped()), tx_hash="dear")
    ledger = funded(SOL=SOLD + FEE)
    ledger.balances[WALLET, NATIVE] = FEE

    assert in_a_block(ledger, sale(0), dear) == ([], ["dear"])
    assert in_a_block(ledger, sale(0)) == (["sale/0"], [])


def test_without_a_price_for_swaps_a_replacement_still_goes_first() -> None:
    first, second = sale(0, fees=offered(0)), replace(sale(0, fees=offered(0).bumped()), tx_hash="bumped")

    assert [item.tx_hash for item in executable(funded(), [first, second])] == ["bumped"]
