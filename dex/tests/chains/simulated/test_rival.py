"""The scenario `slippage`: a rival undoes an order by trading around it, for real and at its own cost."""

from collections import Counter
from dataclasses import replace
from itertools import chain

import pytest

from dex import Hop, Route, Side
from dex.chains.simulated.fees import TRANSACTION_FEE
from dex.chains.simulated.ledger import RIVAL, Executed, Ledger, execute
from dex.chains.simulated.transaction import Transaction
from dex.testing import NOW
from dex.tests.chains.simulated.ledgers import (
    POOLS,
    VALUES,
    WALLET,
    changed,
    charged,
    funded,
    limited,
    same_but_for_nonce_and_fee,
    totals,
    touched,
    transaction,
)
from dex.tests.chains.simulated.random_routes import POOL_HOPS, good_plans

SOL_USDC = ("SOL", "USDC")
every_side = pytest.mark.parametrize("side", list(Side))
every_pool_and_way = pytest.mark.parametrize(
    "hop", POOL_HOPS, ids=[f"{hop.pool_id}-{hop.token_in}-{hop.token_out}" for hop in POOL_HOPS]
)


def attacked(plan: Transaction, ledger: Ledger) -> Executed:
    return execute(ledger, changed(plan, scenario="slippage"), NOW)


def with_slippage(plan: Transaction, done: Executed, percent: float = 0.5) -> Transaction:
    """The plan as quotes have it: the amounts of its outcome, and a limit a little worse."""
    assert done.route is not None
    plan, kept = changed(plan, route=done.route), 100_000 - int(1_000 * percent)
    if plan.swap.side is Side.EXACT_IN:
        return changed(plan, min_amount_out=-(-done.amount_out * kept // 100_000))
    return changed(plan, max_amount_in=done.amount_in * 100_000 // kept)


def swap_of(hop: Hop, amount_in: int) -> Route:
    """One swap as its pool answers."""
    swap = POOLS[hop.pool_id].swap_exact_in(hop.token_in, hop.token_out, amount_in, NOW)
    return Route(hop.token_in, hop.token_out, (replace(hop, amount_in=swap.amount_in, amount_out=swap.amount_out),))


@every_pool_and_way
@every_side
def test_a_rival_undoes_an_order_in_any_pool_and_pays_for_it(hop: Hop, side: Side) -> None:
    plan = transaction(side, swap_of(hop, int(2_000 / VALUES[hop.token_in])))
    plan, ledger = with_slippage(plan, execute(funded(), plan, NOW)), funded()
    before = ledger.copy()

    done = attacked(plan, ledger)

    assert done == Executed("0x", "slippage", done.detail, fee_paid=TRANSACTION_FEE)
    cost = before.balances[RIVAL, hop.token_in] - ledger.balances[RIVAL, hop.token_in]
    gained = Counter(ledger.pools[hop.pool_id].balances())
    gained.subtract(POOLS[hop.pool_id].balances())
    # What the rival bought it sold again: the fees of both ways are all that moved, from its pocket to the pool.
    assert cost > 0
    assert {token: atoms for token, atoms in gained.items() if atoms} == {hop.token_in: cost}
    assert dict(ledger.balances) == charged(before) | {(RIVAL, hop.token_in): ledger.balances[RIVAL, hop.token_in]}
    assert ledger.nonces == {WALLET: 1}
    assert touched(ledger, before) == {hop.pool_id}


def test_a_rival_undoes_orders_of_every_shape() -> None:
    plans = chain(good_plans(6, 90, Side.EXACT_IN), good_plans(7, 90, Side.EXACT_OUT))
    for plan, done in plans:
        ledger = funded()
        supply, before = totals(ledger), ledger.copy()

        undone = attacked(with_slippage(plan, done), ledger)

        assert undone == Executed("0x", "slippage", undone.detail, fee_paid=TRANSACTION_FEE)
        assert totals(ledger) == supply
        assert all(ledger.balances[WALLET, token] == charged(before)[WALLET, token] for token in VALUES)
        (pool_id,) = touched(ledger, before)
        assert pool_id in {hop.pool_id for hop in plan.swap.route.hops}


def test_a_rival_begins_with_the_largest_of_the_first_hops() -> None:
    hops = [hop for hop in POOL_HOPS if (hop.token_in, hop.token_out) == SOL_USDC]
    largest = hops[2].pool_id
    swaps = [swap_of(hop, 10**9 * (2 if hop.pool_id == largest else 1)).hops[0] for hop in hops]
    plan, ledger = transaction(Side.EXACT_IN, Route(*SOL_USDC, tuple(swaps))), funded()
    before = ledger.copy()

    done = attacked(with_slippage(plan, execute(funded(), plan, NOW)), ledger)

    assert done.code == "slippage"
    assert touched(ledger, before) == {largest}


def test_a_rival_sells_back_in_parts_what_a_pool_does_not_take_at_once() -> None:
    """A little of the RAY, 80 % of the pool, buys much of the ETH: more than the 30 % that go back in one swap."""
    (hop,) = (hop for hop in POOL_HOPS if (hop.pool_id, hop.token_in) == ("balancer-ray-eth", "RAY"))
    plan, ledger = transaction(Side.EXACT_IN, swap_of(hop, 10**8)), funded()
    done, before = execute(funded(), plan, NOW), ledger.copy()

    assert attacked(with_slippage(plan, done, percent=35), ledger).code == "slippage"

    assert ledger.balances[RIVAL, "ETH"] == before.balances[RIVAL, "ETH"]
    assert ledger.balances[RIVAL, "RAY"] < before.balances[RIVAL, "RAY"]
    assert totals(ledger) == totals(before)


@every_side
def test_without_means_a_rival_can_do_nothing(side: Side) -> None:
    for plan, done in good_plans(7, 20, side):
        ledger, alone = funded(), funded()
        for book in (ledger, alone):
            for token in VALUES:
                book.balances[RIVAL, token] = 0

        assert attacked(with_slippage(plan, done), ledger) == done == execute(alone, plan, NOW)
        assert (ledger.pools, ledger.balances) == (alone.pools, alone.balances)


def test_an_order_that_fails_by_itself_meets_no_rival() -> None:
    (hop,) = (hop for hop in POOL_HOPS if (hop.pool_id, hop.token_in) == ("raydium-sol-usdc", "SOL"))
    plan = transaction(Side.EXACT_IN, swap_of(hop, 10**9))

    for terms, code in (({"deadline": NOW - 1}, "expired"), ({"min_amount_out": 10**15}, "slippage")):
        ledger = funded()
        assert attacked(changed(plan, **terms), ledger).code == code
        assert same_but_for_nonce_and_fee(ledger, funded())


def test_the_smallest_order_a_pool_takes_is_undone_as_well() -> None:
    """An eighth of it is no trade for the rival, which must not give up there."""
    for number in range(1, 10):
        hop = Hop("raydium", "raydium-bonk-sol", "BONK", "SOL", 1, number)
        plan = transaction(Side.EXACT_OUT, Route("BONK", "SOL", (hop,)))
        done = execute(funded(), plan, NOW)
        assert done.code is None

        assert attacked(limited(changed(plan, route=done.route), done), funded()).code == "slippage"
