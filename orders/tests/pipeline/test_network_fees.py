"""Network fees of orders on the simulated chain: nothing is signed that its wallet cannot pay for."""

from dataclasses import replace

import pytest
from django.db.models.functions import Now

from dex import Engine, Side, SwapRequest
from dex.chains.simulated import SimulatedChain
from dex.chains.simulated.fees import TRANSACTION_FEE
from dex.chains.simulated.funds import FLOOR
from dex.chains.simulated.options import SWAP_FEE
from dex.types import Quote
from orders.config import Policy
from orders.models import Account, Order, SignedTransaction, Submission
from orders.pipeline.funds import HINT
from orders.pipeline.loop import run_stage
from orders.reconciliation.orders import audit_orders
from orders.reconciliation.wallets import watch_wallets
from orders.services.cancel import cancel_orders
from orders.signing.nonces import clear_nonces
from orders.signing.wallets import ensure_wallets
from orders.states import Stage
from orders.tests.factories import place, terms
from orders.tests.native_funds import FEE, UNIT, hold, native
from orders.tests.pipeline.chain_faults import BOSS, Run, ended, events, settle, wallet_of

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.blocks_by_test]


def wallet_with(account: Account, engine: Engine, atoms: int) -> str:
    """The address of the account's wallet, which holds that much of the native token."""
    [wallet] = ensure_wallets([account.pk], engine).values()
    hold(wallet.address, atoms)
    return wallet.address


def test_an_order_takes_fewer_swaps_where_its_limit_pays_for_no_more(
    account: Account, engine: Engine, chain: SimulatedChain, run: Run, policy: Policy
) -> None:
    """Instead of waiting for fees that may never fall; one swap is the least."""
    large = 20_000 * UNIT
    [free] = engine.route([SwapRequest("SOL", "USDC", Side.EXACT_IN, large, 0)])
    assert isinstance(free, Quote)
    assert len(free.route.hops) > 2
    orders = place(account, *(terms(amount=large, max_network_fee=FEE + more) for more in (SWAP_FEE, 0, -1)))
    run(policy=policy)
    settle(chain, run, policy)

    for order, swaps in zip(orders, (2, 1), strict=False):
        assert ended(order) == ("CONFIRMED", "filled")
        assert order.plan is not None
        assert len(order.plan.route.hops) == swaps
        assert order.network_fee_paid == TRANSACTION_FEE + swaps * SWAP_FEE
    assert ended(orders[2]) == ("ROUTING", None)
    assert orders[2].waiting_for == "fees"


@pytest.mark.parametrize("sold", [0, UNIT])
@pytest.mark.parametrize("missing", [0, 1])
def test_what_other_transactions_of_its_wallet_may_take_an_order_waits_for(
    account: Account, engine: Engine, chain: SimulatedChain, run: Run, policy: Policy, sold: int, missing: int
) -> None:
    """Those of its batch, and those on their way: it could be paid for alone. A node would refuse it after them."""
    trade = terms(max_swaps=1, **({} if sold else {"token_in": "ETH", "amount": 10**8}))
    stuck, needed = replace(trade, terms=replace(trade.terms, scenario="stuck")), FEE + sold
    wallet = wallet_with(account, engine, 3 * needed - missing)
    orders = place(account, stuck, stuck)
    run(policy=policy)
    orders += place(account, trade)
    for _ in range(3):
        run(policy=policy)

    assert [ended(order)[0] for order in orders[:2]] == ["SUBMITTED"] * 2
    assert (ended(orders[2])[0], orders[2].waiting_for) == (("BUILDING", "funds") if missing else ("SUBMITTED", None))
    if missing:
        [wait] = events(orders[2], "retry")
        assert (wait["code"], wallet in wait["detail"]) == ("insufficient_funds", True)
        hold(wallet, 3 * needed)
        run(policy=policy)
        run(policy=policy)
        assert ended(orders[2])[0] == "SUBMITTED"


def test_of_one_batch_as_many_are_signed_as_the_wallet_can_pay_for(
    account: Account, engine: Engine, chain: SimulatedChain, run: Run, policy: Policy
) -> None:
    wallet_with(account, engine, 2 * FEE)
    trade = terms(token_in="ETH", amount=10**8, max_swaps=1, scenario="stuck")
    orders = place(account, trade, trade, trade)
    run(policy=policy)

    assert sorted(ended(order)[0] for order in orders) == ["BUILDING", "SUBMITTED", "SUBMITTED"]
    assert Submission.objects.count() == wallet_of(account).next_nonce == 2
    run(policy=replace(policy, patience_s=0.0))
    [failed] = [order for order in orders if ended(order)[0] == "FAILED"]
    assert (failed.outcome, failed.failure and failed.failure["try"]) == ("insufficient_funds", HINT)


def test_no_smaller_order_overtakes_one_that_waits_for_funds(
    account: Account, engine: Engine, chain: SimulatedChain, run: Run, policy: Policy
) -> None:
    small = terms(token_in="ETH", amount=10**8, max_swaps=1, scenario="stuck")
    wallet_with(account, engine, 2 * FEE + UNIT)
    place(account, small)
    run(policy=policy)
    [large] = place(account, terms(amount=UNIT + 1, max_swaps=1))
    [behind] = place(account, small)
    run(policy=policy)

    assert [(ended(order)[0], order.waiting_for) for order in (large, behind)] == [("BUILDING", "funds")] * 2


def test_an_order_that_goes_back_to_be_routed_takes_no_room(
    account: Account, engine: Engine, chain: SimulatedChain, run: Run, policy: Policy
) -> None:
    wallet_with(account, engine, FEE)
    trade = terms(token_in="ETH", amount=10**8, max_swaps=1, scenario="stuck")
    waited, fresh = place(account, trade, trade)
    run_stage(Stage.ROUTE, engine=engine, policy=policy, carries_to={})
    Order.objects.update(lease_until=None, lease_token=None, claim_count=0, due_at=Now())
    Order.objects.filter(pk=waited.pk).update(waiting_for="chain", waiting_since=Now())
    run_stage(Stage.BUILD, engine=engine, policy=policy, carries_to={})

    assert [ended(order)[0] for order in (waited, fresh)] == ["ROUTING", "BUILDING"]
    assert [order.tx_hash is not None for order in (waited, fresh)] == [False, True]


def test_a_swap_keeps_its_room_beside_its_cancellation(
    account: Account, engine: Engine, chain: SimulatedChain, run: Run, policy: Policy
) -> None:
    trade = terms(token_in="ETH", amount=10**8, max_swaps=1, scenario="stuck")
    wallet = wallet_with(account, engine, 10 * FEE)
    [stuck] = place(account, trade)
    run(policy=policy)
    cancel_orders([stuck.id], actor=BOSS)
    run(policy=policy)
    assert SignedTransaction.objects.filter(is_noop=True).count() == 1
    hold(wallet, 2 * FEE - 1)
    [order] = place(account, trade)
    run(policy=policy)

    assert (ended(order)[0], order.waiting_for) == ("BUILDING", "funds")


def test_an_order_without_money_for_its_fee_is_not_signed(
    account: Account, engine: Engine, chain: SimulatedChain, run: Run, policy: Policy
) -> None:
    wallet = wallet_with(account, engine, FEE - 1)
    [order] = place(account, terms(token_in="ETH", amount=10**8, max_swaps=1))

    run()

    assert ended(order) == ("FAILED", "insufficient_funds")
    assert order.failure is not None
    assert order.failure["detail"] == "the wallet holds 0.000014999 SOL, and the network fee is 0.000015 SOL"
    assert order.failure["try"] == f"Send 0.000000001 SOL or more to {wallet}"
    assert order.failure["facts"] == {"token": "SOL", "held": "14999", "needed": "15000", "wallet": wallet}
    assert not SignedTransaction.objects.exists()
    assert (order.tx_hash, wallet_of(account).next_nonce) == (None, 0)


@pytest.mark.parametrize("missing", [0, 1])
def test_an_order_that_sells_the_native_token_needs_its_fee_beside(
    account: Account, engine: Engine, chain: SimulatedChain, run: Run, policy: Policy, missing: int
) -> None:
    wallet = wallet_with(account, engine, UNIT + FEE - missing)
    [order] = place(account, terms(amount=UNIT, max_swaps=1))

    run()
    settle(chain, run, policy)

    if not missing:
        assert ended(order) == ("CONFIRMED", "filled")
        assert native(wallet) == 0
        return
    assert ended(order) == ("FAILED", "insufficient_funds")
    assert order.failure is not None
    assert order.failure["detail"] == (
        "the wallet holds 1.000014999 SOL, and the network fee is 0.000015 SOL beside the 1 SOL that the order sells"
    )
    assert order.failure["try"] == f"Send 0.000000001 SOL or more to {wallet}, or sell less"
    assert not SignedTransaction.objects.exists()


def test_an_order_whose_fee_an_earlier_one_has_spent_ends_and_frees_its_nonce(
    account: Account,
    engine: Engine,
    chain: SimulatedChain,
    run: Run,
    policy: Policy,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Two workers signed them, neither of which saw the other. Replacements cost more; a cancellation costs less."""
    policy = replace(policy, stuck_s=0.0, max_replacements=1)
    monkeypatch.setattr("orders.pipeline.trial.beyond_funds", lambda *_: {})
    wallet_with(account, engine, UNIT + 2 * FEE - 1)
    first, second = place(account, *[terms(amount=UNIT, max_swaps=1)] * 2)
    supply = chain.store.total_supply()

    run()
    assert SignedTransaction.objects.filter(is_noop=False).count() == 2
    settle(chain, run, policy, rounds=6)

    assert ended(first) == ("CONFIRMED", "filled")
    assert ended(second) == ("FAILED", "not_included")
    assert [len(events(second, name)) for name in ("replacement", "cancel")] == [1, 1]
    wallet = wallet_of(account)
    assert chain.next_nonce(wallet.address) == wallet.next_nonce == 2
    assert native(wallet.address) == FEE - 1 - TRANSACTION_FEE
    assert chain.store.total_supply() == supply
    assert list(audit_orders()) == []
    assert watch_wallets(engine) == []


def test_an_order_that_not_even_a_cancellation_can_be_paid_for_ends_at_its_deadline(
    account: Account,
    engine: Engine,
    chain: SimulatedChain,
    run: Run,
    policy: Policy,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Its nonce is taken as soon as there is money again."""
    policy = replace(policy, deadline_s=1, stuck_s=0.0)
    monkeypatch.setattr("orders.pipeline.trial.beyond_funds", lambda *_: {})
    wallet_with(account, engine, UNIT + FEE + TRANSACTION_FEE - 1)
    first, second = place(account, *[terms(amount=UNIT, max_swaps=1)] * 2)

    run(policy=policy)
    deadline = max(SignedTransaction.objects.filter(is_noop=False).values_list("deadline", flat=True))
    while engine.standing([]).final_time <= deadline:
        chain.mine(4)
        run(policy=policy)
    settle(chain, run, policy)

    assert ended(first) == ("CONFIRMED", "filled")
    assert ended(second) == ("FAILED", "expired")
    wallet = wallet_of(account)
    assert clear_nonces(engine, policy) == 1
    hold(wallet.address, TRANSACTION_FEE)
    clear_nonces(engine, policy)
    chain.mine(4)
    assert clear_nonces(engine, policy) == 0
    assert not Submission.objects.filter(closed_at__isnull=True).exists()
    assert chain.next_nonce(wallet.address) == wallet.next_nonce == 2
    assert native(wallet.address) == 0
    assert list(audit_orders()) == []


def test_a_wallet_below_the_floor_is_low(chain: SimulatedChain) -> None:
    for wallet, atoms in {"rich": FLOOR, "poor": FLOOR - 1}.items():
        chain.next_nonce(wallet)
        hold(wallet, atoms)

    low = chain.low_on_gas(["rich", "poor", "nobody"])

    assert low == {
        "poor": "0.009999999 SOL is below the floor of 0.01 SOL",
        "nobody": "0 SOL is below the floor of 0.01 SOL",
    }
