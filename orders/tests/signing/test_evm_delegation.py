"""Wallets that begin to act in batches, stop it, or never do: what is routed for them, and what of it executes."""

import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command

from dex import BroadcastRejected, DexError, Engine, SigningRefused, legs_of
from dex import SignedTransaction as Bytes
from dex.chains.evm import EvmChain
from dex.chains.evm.local.world import World, development_signer
from dex.chains.evm.outcomes.error_table import refusal_of
from dex.signers import SigningPolicy
from dex.signers.wallets import WalletFolder
from dex.testing.known_market import knowing_chain
from dex.tests.chains.evm.evm_orders import ETH
from orders.audit.record import Actor
from orders.config import Policy
from orders.models import Account, Order, Submission, Wallet
from orders.models import SignedTransaction as StoredTransaction
from orders.models.audit import AuditEntry
from orders.risk.pause import Target, pause
from orders.services.dry_run import dry_run_order
from orders.signing.approve import approve_token
from orders.signing.bind import WalletInUse, bind_wallet
from orders.signing.delegate import delegate_wallet
from orders.signing.nonces import clear_nonces
from orders.signing.wallet_transactions import WalletPaused
from orders.signing.wallets import closed_venues
from orders.states import Stage
from orders.tests.evm import POLICY, chain_nonce_of, engine_on, evm_chain, finish, sale, work
from orders.tests.factories import new_account, place

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.chain]

FORK, OPERATOR = "sushiswap_v2", Actor("operator", reason="better prices", is_admin=True)


@pytest.fixture
def engine(world: World, db: None) -> Engine:
    """On the local chain, whose tokens are registered."""
    return engine_on(world)


@pytest.fixture
def owner(engine: Engine) -> Account:
    """Its account."""
    return new_account()


@pytest.fixture
def undelegated(world: World, engine: Engine, owner: Account) -> Account:
    """An account whose wallet is filled and does not act in batches."""
    wallet = engine.chain.address_of(f"account/{owner.id}")
    engine.chain.next_nonce(wallet)
    world.anvil.ask("anvil_setCode", wallet, "0x")
    return owner


def venues_of(order: Order) -> frozenset[str]:
    order.refresh_from_db()
    assert order.plan is not None
    return order.plan.venues


def big(engine: Engine, **changes: Any) -> Any:
    return sale(engine, 300 * ETH, token_out="USDC", **changes)


def trade(world: World, engine: Engine, owner: Account) -> Order:
    [order] = place(owner, big(engine))
    finish(world, engine)
    order.refresh_from_db()
    assert (order.status, order.attempt, order.amount_out) == ("CONFIRMED", 1, order.quoted_amount_out)
    return order


def sent_to(world: World, order: Order) -> str:
    return str(world.anvil.ask("eth_getTransactionReceipt", order.tx_hash)["to"])


def see_through(world: World, engine: Engine) -> None:
    ends_at = time.monotonic() + 30
    while clear_nonces(engine, POLICY):
        world.anvil.mine()
        assert time.monotonic() < ends_at


def test_wallets_of_the_local_chain_trade_everywhere_at_once(world: World, engine: Engine, owner: Account) -> None:
    order = trade(world, engine, owner)

    assert venues_of(order) == {"uniswap_v2", "uniswap_v3", FORK}
    assert sent_to(world, order) == Wallet.objects.get().address
    assert order.plan is not None
    assert order.fills.count() == len(legs_of(order.plan.route))


def test_a_wallet_that_does_not_act_in_batches_gets_routes_that_it_can_execute(
    world: World, engine: Engine, undelegated: Account
) -> None:
    order = trade(world, engine, undelegated)

    assert venues_of(order) == {"uniswap_v2", "uniswap_v3"}
    assert sent_to(world, order) == world.deployment.router


def test_an_order_for_a_fork_alone_is_refused_to_such_a_wallet(
    world: World, engine: Engine, undelegated: Account
) -> None:
    [order] = place(undelegated, big(engine, allow=[FORK]))
    finish(world, engine)

    order.refresh_from_db()
    assert (order.status, order.outcome) == ("FAILED", "no_route")


def test_quotes_and_dry_runs_promise_only_what_the_wallet_can_do(world: World, engine: Engine, owner: Account) -> None:
    wanted = big(engine)
    before = dry_run_order(owner, wanted, key=None, engine=engine, policy=Policy())
    trade(world, engine, owner)
    after = dry_run_order(owner, wanted, key=None, engine=engine, policy=Policy())

    assert before.plan is not None
    assert after.plan is not None
    assert FORK not in before.plan.venues
    assert FORK in after.plan.venues


def test_a_wallet_begins_and_stops_to_act_in_batches_between_orders(
    world: World, engine: Engine, undelegated: Account
) -> None:
    first = trade(world, engine, undelegated)
    delegate_wallet(undelegated, True, engine=engine, actor=OPERATOR)
    see_through(world, engine)
    fresh = Engine(knowing_chain(world))
    second = trade(world, fresh, undelegated)
    delegate_wallet(undelegated, False, engine=fresh, actor=OPERATOR)
    see_through(world, fresh)
    third = trade(world, Engine(knowing_chain(world)), undelegated)

    assert [FORK in venues_of(order) for order in (first, second, third)] == [False, True, False]
    wallet = Wallet.objects.get()
    nonces = sorted(Submission.objects.values_list("key", flat=True))
    assert nonces == list(range(nonces[0], nonces[0] + 7))
    assert chain_nonce_of(world, wallet) == wallet.next_nonce == nonces[-1] + 1
    assert wallet.paused_reason == ""
    assert not Submission.objects.filter(closed_at=None).exists()
    acts = list(AuditEntry.objects.filter(action__contains="delegate").order_by("id").values_list("action", flat=True))
    assert acts == ["wallet.delegate", "wallet.undelegate"]


def test_an_order_signed_before_its_wallet_stopped_is_routed_again(
    world: World, engine: Engine, owner: Account
) -> None:
    [order] = place(owner, big(engine))
    work(engine, Stage.ROUTE, Stage.BUILD, Stage.SUBMIT)
    assert FORK in venues_of(order)
    world.anvil.ask("anvil_setCode", Wallet.objects.get().address, "0x")
    world.anvil.mine()
    time.sleep(0.1)
    later = Engine(knowing_chain(world))

    finish(world, later)

    order.refresh_from_db()
    assert (order.status, order.attempt) == ("CONFIRMED", 2)
    assert FORK not in venues_of(order)
    assert order.amount_out == order.quoted_amount_out


def test_an_order_routed_before_its_wallet_stopped_is_never_signed(
    world: World, engine: Engine, owner: Account
) -> None:
    [order] = place(owner, big(engine))
    work(engine, Stage.ROUTE)
    assert FORK in venues_of(order)
    world.anvil.ask("anvil_setCode", Wallet.objects.get().address, "0x")

    finish(world, engine)

    order.refresh_from_db()
    assert (order.status, order.attempt, Submission.objects.count()) == ("CONFIRMED", 2, 1)
    assert FORK not in venues_of(order)


def with_strict_pool(world: World, engine: Engine, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Nodes that take one transaction at a time of such wallets, as Geth does; the hashes that were refused."""
    take, refused = engine.chain.broadcast, []

    def broadcast(transactions: Sequence[Bytes]) -> list[DexError | None]:
        answers: list[DexError | None] = []
        for item in transactions:
            if item.nonce > int(world.anvil.ask("eth_getTransactionCount", item.wallet, "latest"), 16):
                refused.append(item.tx_hash)
                answers.append(refusal_of("in-flight transaction limit reached for delegated accounts"))
            else:
                answers += take([item])
        return answers

    monkeypatch.setattr(engine.chain, "broadcast", broadcast)
    return refused


def test_orders_wait_for_their_turn_where_a_node_takes_one_at_a_time(
    world: World, engine: Engine, owner: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    delegate_wallet(owner, True, engine=engine, actor=OPERATOR)
    refused = with_strict_pool(world, engine, monkeypatch)
    orders = place(owner, *(sale(engine, ETH + n, token_out="USDC") for n in range(4)))

    finish(world, engine)
    see_through(world, engine)

    rows = list(Order.objects.filter(id__in=[order.id for order in orders]))
    assert {(row.status, row.attempt) for row in rows} == {("CONFIRMED", 1)}
    assert len({row.tx_hash for row in rows} & set(refused)) >= 3
    wallet = Wallet.objects.get()
    assert chain_nonce_of(world, wallet) == wallet.next_nonce


def test_while_paused_a_delegation_is_only_taken_back(world: World, engine: Engine, owner: Account) -> None:
    pause(Target("global", ""), OPERATOR)

    with pytest.raises(WalletPaused, match="paused"):
        delegate_wallet(owner, True, engine=engine, actor=OPERATOR)
    delegate_wallet(owner, False, engine=engine, actor=OPERATOR)

    assert Submission.objects.count() == 2


def test_a_signer_that_knows_no_delegate_refuses_and_no_nonce_is_taken(
    world: World, engine: Engine, owner: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = engine.chain.chain_id
    strict = development_signer(world.options(), SigningPolicy(frozenset({name}), world.deployment.routers))
    monkeypatch.setattr(engine.chain, "_signer", strict)

    with pytest.raises(SigningRefused, match="not allowed for wallets"):
        delegate_wallet(owner, True, engine=engine, actor=OPERATOR)

    wallet = Wallet.objects.get()
    assert (wallet.next_nonce, Submission.objects.count()) == (chain_nonce_of(world, wallet), 0)


def test_the_wallet_command_delegates_and_tells(
    world: World,
    engine: Engine,
    undelegated: Account,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr("orders.management.commands.wallet.get_engine", lambda: engine)
    for verb, words in (("delegate", "acts in batches"), ("undelegate", "does not act in batches")):
        call_command("wallet", verb, undelegated.name, reason="drill", wait=0)
        world.anvil.mine(2)
        engine.chain._delegates._seen.clear()  # type: ignore[attr-defined]
        capsys.readouterr()
        call_command("wallet", "balance", undelegated.name)

        assert f"\n{words}, which {FORK} needs\n" in capsys.readouterr().out


def with_own_key(world: World, folder: Path) -> tuple[Engine, str]:
    """An engine that knows of a key of somebody's own, as another process would; and that key's wallet."""
    wallets = WalletFolder(folder / "wallets", iterations=2)
    if not wallets.addresses():
        wallets.create("treasury", "planted-passphrase-6")
        wallets.keep_passphrase("treasury", "planted-passphrase-6")
    signer = development_signer(world.options(), own_keys=wallets)
    # Filled, but for the code that the faucet gives.
    address = wallets.address("treasury")
    world.faucet().fund(address)
    return Engine(EvmChain(world.options(), signer)), address


def test_a_wallet_with_a_key_of_its_own_delegates_for_itself(
    world: World, engine: Engine, owner: Account, tmp_path: Path
) -> None:
    assert FORK in venues_of(trade(world, engine, owner))
    engine, address = with_own_key(world, tmp_path)
    world.anvil.ask("anvil_setCode", address, "0x")
    bind_wallet(owner, address, engine=engine, actor=OPERATOR)
    first = trade(world, engine, owner)

    delegate_wallet(owner, True, engine=engine, actor=OPERATOR)
    with pytest.raises(WalletInUse, match="2 transactions"):
        bind_wallet(owner, engine.chain.address_of(f"account/{owner.id}"), engine=engine, actor=OPERATOR)
    other_process, _ = with_own_key(world, tmp_path)
    see_through(world, other_process)
    second = trade(world, other_process, owner)

    assert [FORK in venues_of(order) for order in (first, second)] == [False, True]
    assert sent_to(world, second) == address
    wallet = Wallet.objects.get(address=address)
    assert set(Submission.objects.filter(order=None).values_list("wallet", flat=True)) == {wallet.id}
    assert chain_nonce_of(world, wallet) == wallet.next_nonce
    assert not Submission.objects.filter(closed_at=None).exists()


def test_another_process_replaces_a_delegation_and_what_takes_its_second_nonce(
    world: World, engine: Engine, owner: Account, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine, address = with_own_key(world, tmp_path)
    world.anvil.ask("anvil_setCode", address, "0x")
    bind_wallet(owner, address, engine=engine, actor=OPERATOR)
    signed = delegate_wallet(owner, True, engine=engine, actor=OPERATOR)
    world.anvil.ask("anvil_dropAllTransactions")
    other_process, _ = with_own_key(world, tmp_path)
    impatient = replace(POLICY, stuck_s=0.0)

    clear_nonces(other_process, impatient)
    nonces = StoredTransaction.objects.order_by("id").values_list("submission__key", flat=True)
    assert list(nonces) == [signed.nonce, signed.nonce + 1, signed.nonce]
    see_through(world, other_process)

    assert evm_chain(other_process).acting_in_batches([address]) == {address}
    wallet = Wallet.objects.get(address=address)
    assert chain_nonce_of(world, wallet) == wallet.next_nonce == signed.nonce + 2


def test_of_an_account_only_the_wallet_in_use_is_asked(
    world: World, engine: Engine, owner: Account, tmp_path: Path
) -> None:
    trade(world, engine, owner)
    engine, address = with_own_key(world, tmp_path)
    world.anvil.ask("anvil_setCode", address, "0x")

    before = closed_venues([owner.id], engine, makes_wallets=False)
    bind_wallet(owner, address, engine=engine, actor=OPERATOR)
    after = [closed_venues([owner.id], engine, makes_wallets=makes) for makes in (False, True)]

    assert (before, after) == ({}, [{owner.id: frozenset({FORK})}] * 2)


def test_with_the_universal_router_no_order_goes_through_a_fork(world: World, engine: Engine, owner: Account) -> None:
    [routed] = place(owner, big(engine))
    work(engine, Stage.ROUTE)
    assert FORK in venues_of(routed)
    switched = Engine(world.chain(universal_router=world.deployed.universal_router))
    approve_token(owner, "WETH", 700 * ETH, engine=switched, actor=OPERATOR)
    world.anvil.mine()
    [order, alone] = place(owner, big(switched), big(switched, allow=[FORK]))

    finish(world, switched)

    for one in (routed, order):
        assert FORK not in venues_of(one)
        assert (one.status, sent_to(world, one)) == ("CONFIRMED", world.deployed.universal_router)
    alone.refresh_from_db()
    assert (alone.status, alone.outcome) == ("FAILED", "no_route")
    with pytest.raises(BroadcastRejected, match="universal_router"):
        delegate_wallet(owner, True, engine=switched, actor=OPERATOR)


def test_a_swap_that_cannot_be_read_any_more_is_not_made_twice(world: World, engine: Engine, owner: Account) -> None:
    [order] = place(owner, sale(engine, ETH, token_out="USDC", allow=[FORK]))
    work(engine, Stage.ROUTE, Stage.BUILD, Stage.SUBMIT)
    world.anvil.mine(3)
    shorter = replace(world.options(), deployment=replace(world.deployment, forks=()))
    without = Engine(EvmChain(shorter, development_signer(shorter), world.faucet().fund))

    finish(world, without)

    order.refresh_from_db()
    assert (order.status, order.outcome, order.attempt) == ("FAILED", "reverted", 1)
    assert order.failure is not None
    assert order.failure["detail"].startswith("it went through")
    assert chain_nonce_of(world, Wallet.objects.get()) == Wallet.objects.get().next_nonce
