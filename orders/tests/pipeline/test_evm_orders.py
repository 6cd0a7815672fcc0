"""Orders on the real contracts, through the whole pipeline, with all that a chain may do to their transactions."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.core.management import CommandError, call_command
from django.db import connection
from django.db.models.functions import Now

from dex import Engine, Fees, SigningRefused
from dex.chains.evm import DEPLOYMENTS, EvmChain, EvmOptions, ListedToken
from dex.chains.evm.config.chains_file import describe
from dex.chains.evm.local.world import World, development_signer
from dex.signers.wallets import WalletFolder
from dex.testing.json_rpc import rpc_proxy
from dex.testing.known_market import knowing_chain
from dex.tests.chains.evm.evm_orders import ETH, Trader
from orders.audit.record import Actor
from orders.config import Policy
from orders.engine import get_engine
from orders.models import Account, AuditEntry, Fill, Order, SignedTransaction, Submission, Token, Wallet
from orders.risk.pause import Target, pause
from orders.selectors import contradicting_nodes
from orders.services.cancel import cancel_orders
from orders.signing.approve import approve_token
from orders.signing.bind import bind_wallet
from orders.signing.nonces import clear_nonces
from orders.signing.wallet_transactions import WalletPaused
from orders.states import TERMINAL, Stage
from orders.tests.evm import LIMIT_S, POLICY, chain_nonce_of, engine_on, evm_chain, finish, sale, work
from orders.tests.factories import new_account, place

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.chain]


@pytest.fixture
def engine(world: World, db: None) -> Engine:
    """On the local chain, whose tokens are registered."""
    return engine_on(world)


@pytest.fixture
def owner(engine: Engine) -> Account:
    """Its account."""
    return new_account()


def chain_nonce(world: World, order: Order) -> int:
    return chain_nonce_of(world, Wallet.objects.get(account=order.account))


def eth_of(engine: Engine, order: Order) -> int:
    """What the wallet holds to pay for transactions; the orders of these tests sell its wrapper."""
    return engine.chain.balances(Wallet.objects.get(account=order.account).address)["ETH"]


def submitted(world: World, engine: Engine, owner: Account) -> Order:
    [order] = place(owner, sale(engine))
    work(engine, Stage.ROUTE, Stage.BUILD, Stage.SUBMIT)
    order.refresh_from_db()
    assert order.status == "SUBMITTED"
    return order


def test_an_order_gets_what_its_route_promised(world: World, engine: Engine, owner: Account) -> None:
    [order] = place(owner, sale(engine, 300 * ETH, token_out="USDC"))

    finish(world, engine)

    order.refresh_from_db()
    assert (order.status, order.outcome, order.attempt) == ("CONFIRMED", "filled", 1)
    assert (order.amount_in, order.amount_out) == (order.quoted_amount_in, order.quoted_amount_out)
    assert sum(fill.amount_out for fill in Fill.objects.filter(order=order)) == order.amount_out
    receipt = world.anvil.ask("eth_getTransactionReceipt", order.tx_hash)
    # Through two factories, so the wallet called itself.
    assert (receipt["status"], receipt["to"]) == ("0x1", Wallet.objects.get().address)


def test_two_workers_on_one_wallet_leave_no_gap(world: World, engine: Engine, owner: Account) -> None:
    orders = place(owner, *(sale(engine, ETH // 10 + n) for n in range(50)))
    few = Policy(batch_size=7, retry_base_s=0.001, retry_cap_s=0.001, resend_s=0.5, stuck_s=600.0)

    def worker() -> None:
        mine = Engine(knowing_chain(world))
        try:
            ends_at = time.monotonic() + LIMIT_S
            while Order.objects.exclude(status__in=TERMINAL).exists() and time.monotonic() < ends_at:
                work(mine, policy=few)
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as pool:
        workers = [pool.submit(worker) for _ in range(2)]
        while not all(item.done() for item in workers):
            world.anvil.mine()
            time.sleep(0.1)
        for item in workers:
            item.result()

    rows = list(Order.objects.filter(id__in=[order.id for order in orders]))
    assert {(row.status, row.attempt) for row in rows} == {("CONFIRMED", 1)}
    nonces = sorted(Submission.objects.values_list("key", flat=True))
    assert nonces == list(range(nonces[0], nonces[0] + 50))
    assert chain_nonce(world, rows[0]) == nonces[-1] + 1
    receipts = world.anvil.ask_all([("eth_getTransactionReceipt", [row.tx_hash]) for row in rows])
    assert [receipt["status"] for receipt in receipts] == ["0x1"] * 50


def test_a_lost_reply_is_looked_up_and_the_order_executes_once(world: World, owner: Account, engine: Engine) -> None:
    with rpc_proxy(world.anvil.url) as proxy:
        through = Engine(world.chain(urls=(proxy.url,), timeout_s=2.0))
        [order] = place(owner, sale(engine))
        work(through, Stage.ROUTE, Stage.BUILD)
        proxy.holds = lambda method: method == "eth_sendRawTransaction"
        work(through, Stage.SUBMIT)
        proxy.holds = lambda method: False
        world.anvil.mine()
        finish(world, through)

    order.refresh_from_db()
    assert (order.status, order.attempt) == ("CONFIRMED", 1)
    assert SignedTransaction.objects.count() == 1
    events = order.events.filter(status="SUBMITTED").values_list("data", flat=True)
    assert events[0]["doubt"]["code"] == "timeout"


def test_a_dropped_transaction_is_sent_again(world: World, engine: Engine, owner: Account) -> None:
    order = submitted(world, engine, owner)
    world.anvil.ask("anvil_dropAllTransactions")
    world.anvil.mine()
    time.sleep(POLICY.resend_s)

    finish(world, engine)

    order.refresh_from_db()
    assert (order.status, order.attempt, SignedTransaction.objects.count()) == ("CONFIRMED", 1, 1)


def test_a_stuck_transaction_is_replaced_at_its_nonce(world: World, engine: Engine, owner: Account) -> None:
    order = submitted(world, engine, owner)
    first = order.tx_hash
    work(engine, Stage.CONFIRM, policy=Policy(resend_s=0.2, stuck_s=0.0))

    finish(world, engine)

    order.refresh_from_db()
    assert (order.status, order.attempt, SignedTransaction.objects.count()) == ("CONFIRMED", 1, 2)
    assert order.tx_hash != first
    assert world.anvil.ask("eth_getTransactionReceipt", first) is None


def test_a_replacement_can_lose_its_race(
    world: World, engine: Engine, owner: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    order = submitted(world, engine, owner)
    first = order.tx_hash
    world.anvil.mine()  # before anybody looks
    deaf = Engine(knowing_chain(world))
    monkeypatch.setattr(deaf, "receipts", lambda tx_hashes: [None] * len(tx_hashes))
    work(deaf, Stage.CONFIRM, policy=Policy(resend_s=0.2, stuck_s=0.0))

    finish(world, engine)

    order.refresh_from_db()
    assert (order.status, order.attempt, order.tx_hash) == ("CONFIRMED", 1, first)


@pytest.mark.parametrize("depth", [1, 2])
def test_a_reorg_before_finality_changes_nothing_for_the_owner(
    world: World, engine: Engine, owner: Account, depth: int
) -> None:
    order = submitted(world, engine, owner)
    world.anvil.mine(depth)
    work(engine, Stage.CONFIRM)
    order.refresh_from_db()
    assert order.status == "SUBMITTED"
    world.anvil.ask("anvil_reorg", depth, [])
    time.sleep(0.06)

    finish(world, engine)

    order.refresh_from_db()
    assert (order.status, order.attempt, SignedTransaction.objects.count()) == ("CONFIRMED", 1, 1)
    assert any("reorg" in data for data in order.events.values_list("data", flat=True))


def test_a_price_that_moves_after_signing_is_routed_again(world: World, engine: Engine, owner: Account) -> None:
    rival = Trader.on(world, "account/rival")
    order = submitted(world, engine, owner)
    held = eth_of(engine, order)
    dear = Fees(max_fee=50 * 10**9, priority_fee=2 * 10**9)
    rival.send(rival.signed(rival.quote(1_500 * ETH), fees=dear))

    finish(world, engine)

    order.refresh_from_db()
    assert (order.status, order.attempt) == ("CONFIRMED", 2)
    assert order.amount_out == order.quoted_amount_out
    assert order.network_fee_paid == held - eth_of(engine, order) > 0
    assert SignedTransaction.objects.count() == 2
    assert chain_nonce(world, order) == max(Submission.objects.values_list("key", flat=True)) + 1


def test_a_price_that_moves_before_signing_costs_no_gas(world: World, engine: Engine, owner: Account) -> None:
    rival = Trader.on(world, "account/rival")
    [order] = place(owner, sale(engine))
    work(engine, Stage.ROUTE)
    rival.send(rival.signed(rival.quote(1_500 * ETH)))
    world.anvil.mine()

    finish(world, engine)

    order.refresh_from_db()
    assert (order.status, order.attempt, Submission.objects.count()) == ("CONFIRMED", 2, 1)


def test_a_deadline_that_passes_ends_the_order_as_expired(world: World, engine: Engine, owner: Account) -> None:
    order = submitted(world, engine, owner)
    world.anvil.ask("evm_increaseTime", 3_600)

    finish(world, engine)

    order.refresh_from_db()
    assert (order.status, order.outcome) == ("FAILED", "expired")


def test_a_nonce_used_from_outside_pauses_the_wallet(world: World, engine: Engine, owner: Account) -> None:
    [order] = place(owner, sale(engine))
    work(engine, Stage.ROUTE, Stage.BUILD)
    held = Submission.objects.get()
    trader = Trader(world, engine, held.wallet.address, held.key)
    trader.send(trader.cancellation(held.key, Fees(20 * 10**9, 10**9)))
    world.anvil.mine()
    ends_at = time.monotonic() + LIMIT_S
    late = Policy(retry_base_s=0.001, resend_s=0.2, stuck_s=0.0)
    while not Order.objects.filter(status__in=TERMINAL).exists():
        work(engine, policy=late)
        world.anvil.mine()
        assert time.monotonic() < ends_at

    order.refresh_from_db()
    assert order.failure is not None
    assert (order.status, order.failure["code"]) == ("FAILED", "nonce_taken")
    assert "another program used its nonce" in Wallet.objects.get().paused_reason


def test_a_cancel_on_the_chain_takes_the_nonce(world: World, engine: Engine, owner: Account) -> None:
    order = submitted(world, engine, owner)
    held = eth_of(engine, order)
    cancel_orders([order.id], actor=Actor("owner"))

    finish(world, engine, mine=lambda: world.anvil.mine() if SignedTransaction.objects.filter(is_noop=True) else None)

    order.refresh_from_db()
    assert (order.status, order.outcome) == ("FAILED", "cancelled")
    assert order.network_fee_paid == held - eth_of(engine, order) > 0
    assert Fill.objects.count() == 0


def test_a_wallet_without_the_tokens_is_refused_before_anything_is_signed(
    world: World, engine: Engine, owner: Account
) -> None:
    [order] = place(owner, sale(engine, 4_000 * ETH))

    finish(world, engine)

    order.refresh_from_db()
    assert (order.status, order.outcome, Submission.objects.count()) == ("FAILED", "insufficient_funds", 0)


def test_a_wallet_without_gas_is_named_before_anything_is_signed(world: World, engine: Engine, owner: Account) -> None:
    [order] = place(owner, sale(engine))
    wallet = engine.chain.address_of(f"account/{owner.id}")
    engine.chain.next_nonce(wallet)
    world.anvil.ask("anvil_setBalance", wallet, hex(1))  # too little however cheap blocks have become

    finish(world, engine)

    order.refresh_from_db()
    assert (order.status, order.outcome, SignedTransaction.objects.count()) == ("FAILED", "insufficient_funds", 0)
    data = order.events.get(status="FAILED").data
    assert "the wallet holds 0.000000000000000001 ETH, and the transaction may cost up to 0.00" in str(data)
    assert data["failure"]["facts"].items() >= {"wallet": wallet, "token": "ETH", "held": "1"}.items()


def test_an_approval_is_exact_seen_through_and_can_be_taken_back(world: World, engine: Engine, owner: Account) -> None:
    wallet = engine.chain.address_of(f"account/{owner.id}")
    engine.chain.next_nonce(wallet)

    approve_token(owner, "WETH", 7 * ETH, engine=engine, actor=Actor("operator"))
    world.anvil.mine()
    assert evm_chain(engine).allowances(wallet)["WETH"] == 7 * ETH
    place(owner, sale(engine, 7 * ETH))
    finish(world, engine)
    assert evm_chain(engine).allowances(wallet)["WETH"] == 0
    approve_token(owner, "DAI", 0, engine=engine, actor=Actor("operator"))
    while clear_nonces(engine, POLICY):
        world.anvil.mine()

    assert evm_chain(engine).allowances(wallet)["DAI"] == 0
    assert not Submission.objects.filter(closed_at=None).exists()
    nonces = sorted(Submission.objects.values_list("key", flat=True))
    assert nonces == list(range(nonces[0], nonces[0] + 3))


@pytest.mark.parametrize("amount", [2**127, 2**256 - 1])
def test_an_approval_without_a_limit_is_refused_and_takes_no_nonce(
    world: World, engine: Engine, owner: Account, amount: int
) -> None:
    with pytest.raises(SigningRefused, match="no limit"):
        approve_token(owner, "WETH", amount, engine=engine, actor=Actor("operator"))

    wallet = Wallet.objects.get()
    assert (wallet.next_nonce, Submission.objects.count()) == (chain_nonce_of(world, wallet), 0)


def test_orders_go_through_the_universal_router_with_an_allowance_of_permit2(world: World, owner: Account) -> None:
    engine = Engine(world.chain(universal_router=world.deployed.universal_router))
    tokens = [Token(symbol=token.symbol, name="", decimals=token.decimals) for token in engine.chain.tokens()]
    Token.objects.bulk_create(tokens, ignore_conflicts=True)
    [without] = place(owner, sale(engine))
    work(engine)

    signed = approve_token(owner, "WETH", 2 * ETH, engine=engine, actor=Actor("operator"))
    world.anvil.mine()
    [order] = place(owner, sale(engine))
    finish(world, engine)
    while clear_nonces(engine, POLICY):
        world.anvil.mine()

    without.refresh_from_db()
    order.refresh_from_db()
    assert (without.outcome, order.outcome) == ("insufficient_funds", "filled")
    assert world.anvil.ask("eth_getTransactionReceipt", order.tx_hash)["to"] == world.deployed.universal_router
    assert [item.nonce for item in signed] == [5, 6]
    assert chain_nonce(world, order) == Wallet.objects.get(account=owner).next_nonce == 8
    assert evm_chain(engine).allowances(Wallet.objects.get(account=owner).address)["WETH"] == ETH


def test_while_paused_allowances_are_only_revoked(world: World, engine: Engine, owner: Account) -> None:
    actor = Actor("operator", reason="odd prices", is_admin=True)
    pause(Target("global", ""), actor)

    with pytest.raises(WalletPaused, match="paused"):
        approve_token(owner, "WETH", ETH, engine=engine, actor=actor)
    approve_token(owner, "DAI", 0, engine=engine, actor=actor)

    assert Submission.objects.count() == 1


def test_the_wallet_command_shows_and_approves(
    world: World, engine: Engine, owner: Account, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("orders.management.commands.wallet.get_engine", lambda: engine)
    engine.chain.next_nonce(engine.chain.address_of(f"account/{owner.id}"))

    call_command("wallet", "approve", owner.name, "USDC", "12.5", reason="first week", wait=0)
    world.anvil.mine()
    call_command("wallet", "balance", owner.name)
    shown = capsys.readouterr().out
    with pytest.raises(CommandError, match="decimals"):
        call_command("wallet", "approve", owner.name, "USDC", "0.0000001", reason="too fine")

    assert engine.chain.address_of(f"account/{owner.id}") in shown
    assert "USDC                                     10000000  router may take 12.5" in shown


LIES: dict[str, Callable[[dict[str, Any], dict[str, Any]], dict[str, Any]]] = {
    "success": lambda receipt, head: {"eth_getTransactionReceipt": receipt | {"status": "0x1"}},
    "failure": lambda receipt, head: {"eth_getTransactionReceipt": receipt | {"status": "0x0", "logs": []}},
    "height": lambda receipt, head: {
        "eth_getTransactionReceipt": None,
        "eth_getBlockByNumber": head | {"number": "0xffff", "timestamp": hex(2**33)},
    },
    "nonce": lambda receipt, head: {"eth_getTransactionReceipt": None, "eth_getTransactionCount": "0xff"},
}


@pytest.mark.parametrize("lie", LIES)
def test_no_lie_of_one_node_ends_an_order(world: World, engine: Engine, owner: Account, lie: str) -> None:
    [real] = place(owner, sale(engine))
    work(engine, Stage.ROUTE, Stage.BUILD, Stage.SUBMIT)
    world.anvil.mine(3)
    work(engine, Stage.CONFIRM)
    [order] = place(owner, sale(engine))
    work(engine, Stage.ROUTE, Stage.BUILD, Stage.SUBMIT)
    order.refresh_from_db()
    real.refresh_from_db()
    told = world.anvil.ask("eth_getTransactionReceipt", real.tx_hash) | {"transactionHash": order.tx_hash}
    hasty = replace(POLICY, stuck_s=0.0, max_replacements=1_000)

    with rpc_proxy(world.anvil.url) as liar:
        lied_to = Engine(world.chain(urls=(liar.url, world.anvil.url)))
        lied_to.prepare()
        liar.answers |= LIES[lie](told, world.anvil.ask("eth_getBlockByNumber", "latest", False))
        for _ in range(6):
            work(lied_to, Stage.CONFIRM, policy=hasty)
            Order.objects.update(due_at=Now())
        order.refresh_from_db()
        assert (order.status, order.outcome) == ("SUBMITTED", None)

        liar.answers.clear()
        finish(world, lied_to)

    order.refresh_from_db()
    assert order.status == "CONFIRMED"
    assert sum(fill.amount_out for fill in Fill.objects.filter(order=order)) == order.amount_out
    incidents = AuditEntry.objects.filter(action="incident.node")
    assert {entry.subject for entry in incidents} >= {f"node:{liar.url.removeprefix('http://')}"}
    assert len(incidents) == len({entry.subject for entry in incidents})
    assert contradicting_nodes(engine.chain.chain_id, 24) == {
        entry.subject.removeprefix("node:"): 1 for entry in incidents
    }


def test_an_account_trades_with_a_key_of_its_own(world: World, engine: Engine, owner: Account, tmp_path: Path) -> None:
    folder = WalletFolder(tmp_path / "wallets", iterations=2)
    address = folder.create("treasury", "planted-passphrase-5")
    folder.keep_passphrase("treasury", "planted-passphrase-5")
    [order] = place(owner, sale(engine))
    finish(world, engine)
    signing = EvmChain(world.options(), development_signer(world.options(), own_keys=folder), world.faucet().fund)
    engine = Engine(signing)

    bind_wallet(owner, address, engine=engine, actor=Actor("operator", reason="own key", is_admin=True))
    [order] = place(owner, sale(engine))
    finish(world, engine)

    order.refresh_from_db()
    receipt = world.anvil.ask("eth_getTransactionReceipt", order.tx_hash)
    assert (order.status, receipt["from"]) == ("CONFIRMED", address)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({}, "ALLOW_REAL_MONEY"),
        ({"ALLOW_REAL_MONEY": True}, "needs SIGNER=keystore"),
        ({"CHAIN": "nowhere"}, "has no chain"),
    ],
)
def test_nobody_reaches_a_real_chain_by_a_name_alone(
    settings: Any, tmp_path: Path, changes: dict[str, Any], said: str
) -> None:
    tokens = (ListedToken("WETH", "W", 18, "0x" + "11" * 20), ListedToken("USDC", "U", 6, "0x" + "22" * 20))
    settings.CHAINS_FILE = str(tmp_path / "chains.toml")
    Path(settings.CHAINS_FILE).write_text(describe(EvmOptions(DEPLOYMENTS["base"], ("https://node.example",), tokens)))
    settings.CHAIN, settings.ALLOW_REAL_MONEY, settings.SIGNER = "base", False, "development"
    for name, value in changes.items():
        setattr(settings, name, value)

    with pytest.raises(ImproperlyConfigured, match=said):
        get_engine()
