"""Routes of every shape over the default market: no atom is made or lost, and pools alone decide what is paid."""

import random
import re
from collections import Counter
from fractions import Fraction

import pytest

from dex import Hop, Pool, Route, Side
from dex.chains.simulated.fees import NATIVE, TRANSACTION_FEE, costs, offered
from dex.chains.simulated.ledger import Executed, Ledger, execute
from dex.chains.simulated.noise import make_noise
from dex.chains.simulated.transaction import Transaction
from dex.costs import Costs, FeeStrategy
from dex.testing import NOW, bins_pool
from dex.tests.chains.simulated.ledgers import (
    POOLS,
    VALUES,
    WALLET,
    charged,
    funded,
    limited,
    same_but_for_nonce_and_fee,
    totals,
    touched,
    transaction,
)
from dex.tests.chains.simulated.random_routes import POOL_HOPS, good_plans, hubs, is_split, random_route

ROUTES = 3_000
ROUTES_PER_BLOCK = 4
every_side = pytest.mark.parametrize("side", list(Side))


def shape(route: Route) -> str:
    if is_split(route):
        return "hub" if hubs(route) else "split"
    return "chain" if len(route.hops) > 1 else "swap"


@pytest.mark.slow
def test_thousands_of_routes_and_other_trades_neither_make_nor_lose_an_atom() -> None:
    """Blocks of a few orders, each planned on the state before its block, with other traders in between."""
    ledger, wishes = funded(), random.Random(1)
    supply, done_by_shape, ways = totals(ledger), Counter[tuple[str, Side]](), set[tuple[str, str, str]]()
    for number in range(ROUTES):
        now = NOW + number // ROUTES_PER_BLOCK
        if number % ROUTES_PER_BLOCK == 0:
            snapshot = dict(ledger.pools)
        make_noise(ledger, VALUES, wishes.choice((0, 0, 1)), 7, number, now)
        side, route = wishes.choice(list(Side)), random_route(wishes, number, snapshot, now)
        strategy, swap_fee = wishes.choice(list(FeeStrategy)), wishes.randint(0, 100_000)
        fees = offered(swap_fee, strategy)
        plan = transaction(side, route, deadline=now, fees=fees, **bought_part(wishes, side, route))
        before = ledger.copy()

        done = execute(ledger, plan, now)

        assert totals(ledger) == supply
        assert done.fee_paid == cost_of(route, costs(swap_fee)[strategy])
        if done.route is None:
            assert (done.code, done.amount_in, done.amount_out) == ("slippage", 0, 0)
            assert same_but_for_nonce_and_fee(ledger, before, done.fee_paid)
            continue
        assert_settled(ledger, before, plan, done)
        assert_pools_say_the_same(ledger, before, side, done.route, now)
        done_by_shape[shape(route), side] += 1
        ways |= {(hop.pool_id, hop.token_in, hop.token_out) for hop in route.hops}
    assert min(ledger.balances.values()) >= 0
    assert min(atoms for pool in ledger.pools.values() for atoms in pool.balances().values()) >= 0
    assert sum(done_by_shape.values()) > ROUTES * 0.95
    assert len(done_by_shape) == 8
    assert min(done_by_shape.values()) > ROUTES * 0.03
    assert ways == {(hop.pool_id, hop.token_in, hop.token_out) for hop in POOL_HOPS}


def cost_of(route: Route, stated: Costs) -> int:
    """What the costs of a snapshot make of a route."""
    return stated.per_transaction + sum(stated.of_swap(POOLS[hop.pool_id].kind) for hop in route.hops)


def bought_part(wishes: random.Random, side: Side, route: Route) -> dict[str, int]:
    """What an order that buys asks for: all that the route promises, or less."""
    if side is Side.EXACT_IN:
        return {}
    return {"min_amount_out": max(1, route.amount_out * wishes.choice((1_000, 999, wishes.randint(1, 1_000))) // 1_000)}


def assert_settled(ledger: Ledger, before: Ledger, plan: Transaction, done: Executed) -> None:
    """The wallet moved by what the hops sold and paid, the pools by just the opposite, and nothing else moved."""
    assert done.route is not None
    intent, moved = plan.swap, Counter[str]()
    for hop in done.route.hops:
        moved[hop.token_in] -= hop.amount_in
        moved[hop.token_out] += hop.amount_out
        after, pool = ledger.pools[hop.pool_id].balances(), before.pools[hop.pool_id].balances()
        gained = {token: after[token] - pool[token] for token in after if after[token] != pool[token]}
        assert gained == {hop.token_in: hop.amount_in, hop.token_out: -hop.amount_out}
    held = charged(before, done.fee_paid)
    for token in VALUES:
        assert ledger.balances[WALLET, token] - held[WALLET, token] == moved[token]
    assert {key for key in ledger.balances if ledger.balances[key] != held[key]} <= {
        (WALLET, token) for token in VALUES
    }
    assert moved[intent.route.token_in] == -done.amount_in
    assert moved[intent.route.token_out] == done.amount_out
    assert all(atoms >= 0 for token, atoms in moved.items() if token != intent.route.token_in)
    assert touched(ledger, before) == {hop.pool_id for hop in intent.route.hops}
    if intent.side is Side.EXACT_IN:
        assert done.amount_in == intent.route.amount_in
    else:
        assert done.amount_out == intent.min_amount_out


def assert_pools_say_the_same(ledger: Ledger, before: Ledger, side: Side, route: Route, now: int) -> None:
    """Each hop is what its pool answers when it is asked alone, and leaves the pool as it says."""
    for hop in route.hops:
        pool = before.pools[hop.pool_id]
        if side is Side.EXACT_IN:
            swap = pool.swap_exact_in(hop.token_in, hop.token_out, hop.amount_in, now)
        else:
            swap = pool.swap_exact_out(hop.token_in, hop.token_out, hop.amount_out, now)
        assert (swap.amount_in, swap.amount_out) == (hop.amount_in, hop.amount_out)
        assert swap.pool_after == ledger.pools[hop.pool_id]


def test_a_plan_is_executed_to_the_atom_when_nobody_else_trades() -> None:
    wishes, crumbs = random.Random(2), 0
    for number in range(300):
        ledger, route = funded(), random_route(wishes, number, POOLS, NOW)

        done = execute(ledger, transaction(Side.EXACT_IN, route), NOW)

        assert done == Executed("0x", None, "", route.amount_in, route.amount_out, route, TRANSACTION_FEE)
        on_the_way, held = set(VALUES) - {route.token_in, route.token_out}, charged(funded())
        crumbs += sum(ledger.balances[WALLET, token] > held[WALLET, token] for token in on_the_way)
    assert crumbs > 10


def test_what_comes_of_a_token_is_sold_on_in_the_planned_proportions() -> None:
    wishes, checked, moved_on = random.Random(3), 0, funded()
    make_noise(moved_on, VALUES, 500, 7, 1, NOW)
    for number in range(2, 600, 3):
        route = random_route(wishes, number, POOLS, NOW)

        done = execute(moved_on.copy(), transaction(Side.EXACT_IN, route), NOW)

        if done.route is None:
            continue
        planned, made = paid(route), paid(done.route)
        for wish, hop in zip(route.hops, done.route.hops, strict=True):
            if hop.token_in != route.token_in:
                checked += wish.amount_in != hop.amount_in
                assert hop.amount_in == int(Fraction(wish.amount_in, planned[hop.token_in]) * made[hop.token_in])
    assert checked > 100


def paid(route: Route) -> Counter[str]:
    total = Counter[str]()
    for hop in route.hops:
        total[hop.token_out] += hop.amount_out
    return total


def test_buying_costs_no_more_than_the_plan_that_sells() -> None:
    """But for what pools round in their favour: an atom of the token sold in each hop, and 1e-9.

    Weighted pools take 30 % of what they hold and pay 30 %, so that some refuse to be asked for what they would pay.
    """
    wishes, refused = random.Random(4), 0
    for number in range(300):
        route = random_route(wishes, number, POOLS, NOW)

        done = execute(funded(), transaction(Side.EXACT_OUT, route), NOW)

        if done.code:
            refused += 1
            assert re.match("balancer-.* does not sell that much", done.detail.split(": ")[1])
            continue
        assert done.amount_out == route.amount_out
        atoms = sum(max(1.0, VALUES[hop.token_in] / VALUES[route.token_in]) for hop in route.hops)
        assert done.amount_in <= route.amount_in * (1 + 1e-9) + 2 * atoms
    assert refused < 10


# --- All or nothing -----------------------------------------------------------------------------------------------


@every_side
@pytest.mark.parametrize("at", [0, -1], ids=["first", "last"])
def test_a_hop_that_fails_leaves_nothing_changed(side: Side, at: int) -> None:
    """Orders that sell swap the last hop last, orders that buy the first; either may be gone or run dry."""
    wishes = random.Random(5)
    for number in range(200):
        ledger, route = funded(), random_route(wishes, number, POOLS, NOW)
        hop = route.hops[at]
        is_gone = wishes.random() < 0.5
        if is_gone:
            del ledger.pools[hop.pool_id]
        else:
            ledger.pools[hop.pool_id] = dry(hop)
        before = ledger.copy()

        done = execute(ledger, transaction(side, route), NOW)

        assert done == Executed("0x", "reverted" if is_gone else "slippage", done.detail, fee_paid=TRANSACTION_FEE)
        assert hop.pool_id in done.detail
        assert same_but_for_nonce_and_fee(ledger, before)


def dry(hop: Hop) -> Pool:
    """A pool without anything to pay, under the hop's name."""
    return bins_pool(hop.pool_id, (hop.token_in, hop.token_out), 0, (0, 0), venue=hop.venue)


@every_side
def test_a_limit_just_met_passes_and_one_missed_by_an_atom_leaves_nothing_changed(side: Side) -> None:
    for plan, done in good_plans(6, 200, side):
        missed = funded()
        before = missed.copy()

        assert execute(funded(), limited(plan, done), NOW) == done
        undone = execute(missed, limited(plan, done, stricter=1), NOW)

        assert undone == Executed("0x", "slippage", undone.detail, fee_paid=TRANSACTION_FEE)
        assert str(done.amount_out if side is Side.EXACT_IN else done.amount_in) in undone.detail
        assert same_but_for_nonce_and_fee(missed, before)


@every_side
def test_the_last_atom_of_a_wallet_can_be_spent_and_no_more(side: Side) -> None:
    """Beside the fee, also where both are of one token."""
    for plan, done in good_plans(7, 100, side):
        token = plan.swap.route.token_in
        enough, short = (
            funded(**Counter({token: atoms}) + Counter({NATIVE: TRANSACTION_FEE}))
            for atoms in (done.amount_in, done.amount_in - 1)
        )
        before = short.copy()

        assert execute(enough, plan, NOW) == done
        assert enough.balances[WALLET, token] == 0
        assert execute(short, plan, NOW).code == "insufficient_funds"
        assert same_but_for_nonce_and_fee(short, before)
