"""The simulated chain's rules, on the default market and without a database."""

import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from itertools import permutations
from typing import Any

import pytest

from dex import Hop, Leg, Route, Side, SwapIntent
from dex.chains.simulated.ledger import RIVAL, Executed, Ledger, Undone, executable, execute, trade
from dex.chains.simulated.market import default_market
from dex.chains.simulated.noise import make_noise
from dex.chains.simulated.transaction import Transaction
from dex.testing import NOW

MARKET = default_market()
VALUES = MARKET.values
WALLET = "wallet"
RICH = 10**40
ANY_AMOUNT = 10**60
MAX_HOPS = 4

# A hop between two tokens of each pool there is, those of three tokens in all their pairs.
POOL_HOPS = [
    Hop(pool.venue, pool.pool_id, token_in, token_out, 0, 0)
    for pool in MARKET.pools
    for token_in, token_out in permutations(pool.tokens, 2)
]
every_pool_and_way = pytest.mark.parametrize(
    "hop", POOL_HOPS, ids=[f"{hop.pool_id}-{hop.token_in}-{hop.token_out}" for hop in POOL_HOPS]
)
every_side = pytest.mark.parametrize("side", list(Side))


def funded(**atoms: int) -> Ledger:
    """Genesis with one more wallet: rich, or with just these atoms."""
    ledger = MARKET.genesis()
    for token, amount in (atoms or {token.symbol: RICH for token in MARKET.tokens}).items():
        ledger.balances[WALLET, token] = amount
    return ledger


def transaction(side: Side, *legs: tuple[Hop, ...]) -> Transaction:
    """A plan without limits, due in the block's own second."""
    route = Route(tuple(map(Leg, legs)))
    return Transaction("0x", SwapIntent(WALLET, 0, side, route, 0, ANY_AMOUNT, deadline=NOW))


def changed(plan: Transaction, **terms: Any) -> Transaction:
    return Transaction(plan.tx_hash, replace(plan.intent, **terms))


def limited(plan: Transaction, done: Executed, stricter: int = 0) -> Transaction:
    """The plan with the limits that the outcome just meets, or so many atoms stricter on what is not fixed."""
    if plan.intent.side is Side.EXACT_IN:
        return changed(plan, min_amount_out=done.amount_out + stricter, max_amount_in=done.amount_in)
    return changed(plan, min_amount_out=done.amount_out, max_amount_in=done.amount_in - stricter)


def random_path(wishes: random.Random, side: Side) -> tuple[Hop, ...]:
    """Up to `MAX_HOPS` swaps one after another, of 1 to a million dollars; it may come back to a token or a pool."""
    token = wishes.choice(MARKET.tokens).symbol
    tokens, hops = [token], []
    for _ in range(wishes.randint(1, MAX_HOPS)):
        pool = wishes.choice([pool for pool in MARKET.pools if token in pool.tokens])
        token = wishes.choice([other for other in pool.tokens if other != token])
        tokens.append(token)
        hops.append(Hop(pool.venue, pool.pool_id, tokens[-2], tokens[-1], 0, 0))
    fixed = tokens[0] if side is Side.EXACT_IN else tokens[-1]
    amount = max(1, int(10 ** wishes.uniform(0, 6) / VALUES[fixed]))
    if side is Side.EXACT_IN:
        return (replace(hops[0], amount_in=amount), *hops[1:])
    return (*hops[:-1], replace(hops[-1], amount_out=amount))


def random_plans(seed: int, count: int) -> Iterator[Transaction]:
    wishes = random.Random(seed)
    for _ in range(count):
        side = wishes.choice(list(Side))
        yield transaction(side, random_path(wishes, side))


def good_plans(seed: int, count: int) -> Iterator[tuple[Transaction, Executed]]:
    """Plans that genesis can fill, and what they give there."""
    for plan in random_plans(seed, count):
        done = execute(funded(), plan, NOW)
        if done.code is None:
            yield plan, done


def totals(ledger: Ledger) -> Counter[str]:
    """Atoms of each token over all addresses and pools."""
    total: Counter[str] = Counter()
    for (_, token), atoms in ledger.balances.items():
        total[token] += atoms
    for pool in ledger.pools.values():
        total.update(pool.balances())
    return total


def same_but_for_the_nonce(after: Ledger, before: Ledger) -> bool:
    held = {key: atoms for key, atoms in after.balances.items() if atoms or key in before.balances}
    return (
        held == before.balances
        and all(pool is before.pools[pool_id] for pool_id, pool in after.pools.items())
        and after.nonces == {**before.nonces, WALLET: before.nonces.get(WALLET, 0) + 1}
    )


# --- Conservation -------------------------------------------------------------------------------------------------


def test_thousands_of_routes_and_other_trades_neither_make_nor_lose_an_atom() -> None:
    ledger = funded()
    supply, codes = totals(ledger), Counter[str | None]()
    for block, plan in enumerate(random_plans(seed=1, count=2_500)):
        make_noise(ledger, VALUES, 1, 7, block, NOW + block)
        before = ledger.copy()

        done = execute(ledger, changed(plan, deadline=NOW + block), NOW + block)

        codes[done.code] += 1
        assert totals(ledger) == supply
        if done.code:
            assert same_but_for_the_nonce(ledger, before)
            assert (done.amount_in, done.amount_out, done.legs) == (0, 0, ())
        else:
            assert_settled(ledger, before, plan, done)
    assert min(ledger.balances.values()) >= 0
    assert min(atoms for pool in ledger.pools.values() for atoms in pool.balances().values()) >= 0
    assert codes[None] > 1_500
    assert ledger.nonces[WALLET] == 2_500


def assert_settled(ledger: Ledger, before: Ledger, plan: Transaction, done: Executed) -> None:
    """The wallet moved by what the receipt says, and only the route's pools changed."""
    hops = done.legs[0].hops
    moved = Counter({hops[0].token_in: -done.amount_in})
    moved[hops[-1].token_out] += done.amount_out
    for token in VALUES:
        assert ledger.balances[WALLET, token] - before.balances[WALLET, token] == moved[token]
    touched = {pool_id for pool_id, pool in ledger.pools.items() if pool is not before.pools[pool_id]}
    assert touched == {hop.pool_id for hop in hops}
    assert [hop.amount_out for hop in hops[:-1]] == [hop.amount_in for hop in hops[1:]]
    (planned,) = plan.intent.route.legs
    if plan.intent.side is Side.EXACT_IN:
        assert done.amount_in == planned.amount_in
    else:
        assert done.amount_out == planned.amount_out


def test_no_circle_of_swaps_gains_at_genesis() -> None:
    circles = 0
    for plan, done in good_plans(seed=8, count=1_500):
        hops = plan.intent.route.legs[0].hops
        if hops[0].token_in == hops[-1].token_out:
            circles += 1
            assert done.amount_out < done.amount_in
    assert circles > 50


def test_legs_side_by_side_add_up_and_share_pools() -> None:
    pair = ("SOL", "USDC")
    ids = [pool.pool_id for pool in MARKET.pools if pool.tokens == pair]
    legs = [(Hop("", pool_id, *pair, 10**9, 0),) for pool_id in (*ids, ids[0])]
    ledger = funded()
    supply = totals(ledger)

    done = execute(ledger, transaction(Side.EXACT_IN, *legs), NOW)

    assert done.code is None
    assert done.amount_in == len(legs) * 10**9
    assert done.amount_out == sum(leg.amount_out for leg in done.legs)
    assert done.legs[-1].amount_out < done.legs[0].amount_out
    assert ledger.balances[WALLET, "USDC"] == RICH + done.amount_out
    assert totals(ledger) == supply


@every_pool_and_way
def test_an_address_of_the_chain_trades_what_the_pool_pays(hop: Hop) -> None:
    ledger, pool = funded(), {pool.pool_id: pool for pool in MARKET.pools}[hop.pool_id]
    supply, amount = totals(ledger), int(100 / VALUES[hop.token_in])

    received = trade(ledger, WALLET, replace(hop, amount_in=amount), NOW)

    assert received == pool.swap_exact_in(hop.token_in, hop.token_out, amount, NOW).amount_out
    assert ledger.balances[WALLET, hop.token_in] == RICH - amount
    assert ledger.balances[WALLET, hop.token_out] == RICH + received
    assert totals(ledger) == supply


def test_an_address_cannot_trade_what_it_has_not() -> None:
    ledger = funded(SOL=10**9)
    before = ledger.copy()

    for hop in (
        Hop("", "raydium-sol-usdc", "SOL", "USDC", 10**9 + 1, 0),
        Hop("", "raydium-sol-usdc", "SOL", "USDC", 0, 0),
        Hop("", "raydium-sol-usdc", "SOL", "BONK", 1, 0),
        Hop("", "nowhere", "SOL", "USDC", 1, 0),
    ):
        with pytest.raises(Undone):
            trade(ledger, WALLET, hop, NOW)

    assert (ledger.pools, ledger.balances) == (before.pools, before.balances)


# --- Limits, to the atom and to the second ------------------------------------------------------------------------


def test_a_limit_just_met_passes_and_one_atom_more_undoes() -> None:
    checked = 0
    for plan, done in good_plans(seed=2, count=300):
        met, missed, before = funded(), funded(), funded()

        assert execute(met, limited(plan, done), NOW) == done
        undone = execute(missed, limited(plan, done, stricter=1), NOW)

        assert undone.code == "slippage"
        assert str(done.amount_out if plan.intent.side is Side.EXACT_IN else done.amount_in) in undone.detail
        assert same_but_for_the_nonce(missed, before)
        checked += 1
    assert checked > 150


def test_the_limit_on_the_fixed_side_holds_too() -> None:
    for plan, done in good_plans(seed=3, count=40):
        is_in = plan.intent.side is Side.EXACT_IN
        terms = {"max_amount_in": done.amount_in - 1} if is_in else {"min_amount_out": done.amount_out + 1}
        ledger = funded()

        undone = execute(ledger, changed(plan, **terms), NOW)

        assert undone.code == "slippage"
        assert same_but_for_the_nonce(ledger, funded())


def test_the_deadlines_own_second_is_in_time_and_the_next_is_not() -> None:
    for plan, done in good_plans(seed=4, count=40):
        ledger = funded()

        late = execute(ledger, changed(plan, deadline=NOW - 1), NOW)

        assert late.code == "expired"
        assert same_but_for_the_nonce(ledger, funded())
        assert execute(ledger, plan, NOW) == done


def test_the_last_atom_of_a_wallet_can_be_spent_and_no_more() -> None:
    for plan, done in good_plans(seed=5, count=40):
        first = plan.intent.route.legs[0].hops[0].token_in
        enough, short = funded(**{first: done.amount_in}), funded(**{first: done.amount_in - 1})
        before = short.copy()

        assert execute(enough, plan, NOW) == done
        assert execute(short, plan, NOW).code == "insufficient_funds"
        assert same_but_for_the_nonce(short, before)
        if first != plan.intent.route.legs[0].hops[-1].token_out:
            assert enough.balances[WALLET, first] == 0


@pytest.mark.parametrize(
    ("hop", "code"),
    [
        (Hop("", "nowhere", "SOL", "USDC", 1, 1), "reverted"),
        (Hop("", "raydium-sol-usdc", "SOL", "BONK", 1, 1), "reverted"),
        (Hop("", "raydium-sol-usdc", "SOL", "SOL", 1, 1), "reverted"),
        (Hop("", "raydium-sol-usdc", "SOL", "USDC", 0, 0), "slippage"),
        (Hop("", "meteora-sol-usdc", "SOL", "USDC", 10**18, 10**18), "slippage"),
        (Hop("", "balancer-sol-eth-usdc", "SOL", "ETH", 10**18, 10**18), "slippage"),
        (Hop("", "curve-dai-usdc-usdt", "DAI", "USDT", 1, 0), "slippage"),
    ],
)
@every_side
def test_what_no_pool_can_do_is_undone(hop: Hop, code: str, side: Side) -> None:
    ledger = funded()
    good = Hop("", "raydium-sol-usdt", "SOL", "USDT", 10**9, 10**6)

    done = execute(ledger, transaction(side, (good,), (hop,)), NOW)

    assert done.code == code
    assert done.detail
    assert same_but_for_the_nonce(ledger, funded())


# --- Nonces -------------------------------------------------------------------------------------------------------


def numbered(wallet: str, nonce: int) -> Transaction:
    plan = transaction(Side.EXACT_IN, (Hop("", "raydium-sol-usdc", "SOL", "USDC", 10**9, 0),))
    return Transaction(f"{wallet}/{nonce}", replace(plan.intent, wallet=wallet, nonce=nonce))


def test_transactions_wait_for_their_nonces_turn() -> None:
    ledger = funded()
    ledger.nonces["a"] = 3
    pending = [numbered("a", nonce) for nonce in (7, 4, 2, 3, 5)] + [numbered("b", nonce) for nonce in (2, 0, 1)]
    random.Random(1).shuffle(pending)
    pending.append(numbered("c", 1))

    ready = executable(ledger, pending)

    assert [t.tx_hash for t in ready if t.intent.wallet == "a"] == ["a/3", "a/4", "a/5"]
    assert [t.tx_hash for t in ready if t.intent.wallet == "b"] == ["b/0", "b/1", "b/2"]
    assert len(ready) == 6
    assert ledger.nonces == {"a": 3}


def test_an_undone_transaction_lets_the_next_nonce_pass() -> None:
    ledger = funded()
    late = changed(numbered(WALLET, 0), deadline=NOW - 1)

    codes = [execute(ledger, item, NOW).code for item in executable(ledger, [numbered(WALLET, 1), late])]

    assert codes == ["expired", None]
    assert ledger.nonces == {WALLET: 2}
    assert executable(ledger, [numbered(WALLET, 1), late]) == []


# --- The scenario `slippage` --------------------------------------------------------------------------------------


def attacked(plan: Transaction, ledger: Ledger) -> Executed:
    return execute(ledger, changed(plan, scenario="slippage"), NOW)


def with_slippage(plan: Transaction, done: Executed) -> Transaction:
    """The plan as quotes have it: the amounts of its outcome, and a limit half a percent worse."""
    plan = changed(plan, route=Route(done.legs))
    if plan.intent.side is Side.EXACT_IN:
        return changed(plan, min_amount_out=done.amount_out * 995 // 1_000)
    return changed(plan, max_amount_in=done.amount_in * 1_005 // 1_000)


@every_pool_and_way
@every_side
def test_a_rival_undoes_an_order_in_any_pool_and_pays_for_it(hop: Hop, side: Side) -> None:
    pool = {pool.pool_id: pool for pool in MARKET.pools}[hop.pool_id]
    swap = pool.swap_exact_in(hop.token_in, hop.token_out, int(2_000 / VALUES[hop.token_in]), NOW)
    plan = transaction(side, (replace(hop, amount_in=swap.amount_in, amount_out=swap.amount_out),))
    plan, ledger = with_slippage(plan, execute(funded(), plan, NOW)), funded()
    before = ledger.copy()

    done = attacked(plan, ledger)

    assert (done.code, done.amount_in, done.amount_out, done.legs) == ("slippage", 0, 0, ())
    cost = before.balances[RIVAL, hop.token_in] - ledger.balances[RIVAL, hop.token_in]
    gained = Counter(ledger.pools[hop.pool_id].balances())
    gained.subtract(pool.balances())
    # What the rival bought it sold again: the fees of both ways are all that moved, from its pocket to the pool.
    assert cost > 0
    assert {token: atoms for token, atoms in gained.items() if atoms} == {hop.token_in: cost}
    assert {key: atoms for key, atoms in ledger.balances.items() if key != (RIVAL, hop.token_in)} == {
        key: atoms for key, atoms in before.balances.items() if key != (RIVAL, hop.token_in)
    }
    assert ledger.nonces == {WALLET: 1}
    assert all(p is before.pools[pool_id] for pool_id, p in ledger.pools.items() if pool_id != hop.pool_id)


def test_a_rival_undoes_orders_over_several_pools() -> None:
    checked = 0
    for plan, done in good_plans(seed=6, count=120):
        limits, ledger = with_slippage(plan, done), funded()
        supply = totals(ledger)

        undone = attacked(limits, ledger)

        assert undone.code == "slippage"
        assert totals(ledger) == supply
        assert all(ledger.balances[WALLET, token] == RICH for token in VALUES)
        checked += 1
    assert checked > 50


def test_a_rival_undoes_an_order_in_many_legs_through_the_largest() -> None:
    pair = ("SOL", "USDC")
    ids = [pool.pool_id for pool in MARKET.pools if pool.tokens == pair]
    legs = [(Hop("", pool_id, *pair, 10**9 * (2 if pool_id == ids[2] else 1), 0),) for pool_id in ids]
    plan, ledger = transaction(Side.EXACT_IN, *legs), funded()

    done = attacked(with_slippage(plan, execute(funded(), plan, NOW)), ledger)

    assert done.code == "slippage"
    assert [pool.pool_id for pool in MARKET.pools if ledger.pools[pool.pool_id] is not pool] == [ids[2]]


def test_a_rival_sells_back_in_parts_what_a_pool_does_not_take_at_once() -> None:
    """A little of the RAY, 80 % of the pool, buys much of the ETH: more than the 30 % that go back in one swap."""
    plan = transaction(Side.EXACT_IN, (Hop("", "balancer-ray-eth", "RAY", "ETH", 10**8, 0),))
    done, ledger = execute(funded(), plan, NOW), funded()
    loose = changed(with_slippage(plan, done), min_amount_out=done.amount_out * 65 // 100)
    before = ledger.copy()

    assert attacked(loose, ledger).code == "slippage"

    assert ledger.balances[RIVAL, "ETH"] == before.balances[RIVAL, "ETH"]
    assert ledger.balances[RIVAL, "RAY"] < before.balances[RIVAL, "RAY"]
    assert totals(ledger) == totals(before)


def test_without_means_a_rival_can_do_nothing() -> None:
    for plan, done in good_plans(seed=7, count=20):
        ledger, alone = funded(), funded()
        for book in (ledger, alone):
            for token in VALUES:
                book.balances[RIVAL, token] = 0

        assert attacked(with_slippage(plan, done), ledger) == done == execute(alone, plan, NOW)
        assert (ledger.pools, ledger.balances) == (alone.pools, alone.balances)


def test_an_order_that_fails_by_itself_meets_no_rival() -> None:
    late = changed(numbered(WALLET, 0), deadline=NOW - 1)
    greedy = changed(numbered(WALLET, 0), min_amount_out=10**15)

    for plan, code in ((late, "expired"), (greedy, "slippage")):
        ledger = funded()
        assert attacked(plan, ledger).code == code
        assert same_but_for_the_nonce(ledger, funded())


def test_the_smallest_order_a_pool_takes_is_undone_as_well() -> None:
    """An eighth of it is no trade for the rival, which must not give up there."""
    for number in range(1, 10):
        plan = transaction(Side.EXACT_OUT, (Hop("", "raydium-bonk-sol", "BONK", "SOL", 0, number),))
        done = execute(funded(), plan, NOW)
        assert done.code is None

        tight = changed(with_slippage(plan, done), max_amount_in=done.amount_in)

        assert attacked(tight, funded()).code == "slippage"


def test_plans_lead_through_every_pool_in_all_its_ways() -> None:
    hops = [hop for plan in random_plans(seed=1, count=2_500) for hop in plan.intent.route.legs[0].hops]

    ways = {(hop.pool_id, hop.token_in, hop.token_out) for hop in hops}
    assert ways == {(hop.pool_id, hop.token_in, hop.token_out) for hop in POOL_HOPS}
