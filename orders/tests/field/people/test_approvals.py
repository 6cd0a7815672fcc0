"""Approvals of tokens that refuse them: seen before anything is signed, and followed to their end."""

import pytest
from django.core.management import CommandError, call_command

from dex import BroadcastRejected, Engine
from dex.chains.evm.abi.contracts import ALLOWANCE
from dex.chains.evm.config.options import ListedToken
from dex.chains.evm.local.world import World
from dex.chains.evm.transactions.permit2 import PERMIT2
from dex.testing.usdt_like import usdt_like
from orders.audit.record import Actor
from orders.models import Account, Submission, Token
from orders.signing.approve import approve_token
from orders.signing.wallet_transactions import WalletPaused
from orders.tests.evm import evm_chain

pytestmark = [pytest.mark.chain, pytest.mark.django_db(transaction=True)]
OPERATOR = Actor("operator")


@pytest.fixture
def owner(db: None) -> Account:
    return Account.objects.create(name="treasury")


@pytest.fixture
def token(world: World) -> ListedToken:
    """A token like USDT, deployed on the node."""
    return ListedToken("USDX", "Not USDT", 6, deployed(world, usdt_like()))


@pytest.fixture(params=["router", "permit2"])
def engine(request: pytest.FixtureRequest, world: World, token: ListedToken) -> Engine:
    options = {} if request.param == "router" else {"universal_router": world.deployed.universal_router}
    engine = Engine(world.chain(tokens=(*world.tokens, token), **options))
    rows = [Token(symbol=item.symbol, name="", decimals=item.decimals) for item in engine.chain.tokens()]
    Token.objects.bulk_create(rows, ignore_conflicts=True)
    return engine


def deployed(world: World, code: bytes) -> str:
    sender = world.anvil.accounts()[0]
    tx_hash = world.anvil.ask("eth_sendTransaction", {"from": sender, "data": "0x" + code.hex(), "gas": hex(1_000_000)})
    world.anvil.mine()
    return str(world.anvil.ask("eth_getTransactionReceipt", tx_hash)["contractAddress"])


def allowed_by_token(world: World, engine: Engine, token: ListedToken, wallet: str) -> int:
    spender = PERMIT2 if evm_chain(engine).batch_venues == frozenset() else world.deployment.router
    data = "0x" + ALLOWANCE.call(wallet, spender).hex()
    return int(world.anvil.ask("eth_call", {"to": token.address, "data": data}, "latest"), 16)


def approve(world: World, engine: Engine, owner: Account, amount: int) -> int:
    """How many transactions it took."""
    signed = approve_token(owner, "USDX", amount, engine=engine, actor=OPERATOR)
    world.anvil.mine()
    return len(signed)


def test_an_allowance_that_only_changes_from_zero_is_set_to_zero_first(
    world: World, engine: Engine, owner: Account
) -> None:
    wallet = engine.chain.address_of(f"account/{owner.id}")

    first = approve(world, engine, owner, 100)
    assert evm_chain(engine).allowances(wallet)["USDX"] == 100
    second = approve(world, engine, owner, 200)

    assert evm_chain(engine).allowances(wallet)["USDX"] == 200
    assert second == first + 1
    assert approve(world, engine, owner, 0) == first
    assert evm_chain(engine).allowances(wallet)["USDX"] == 0


def test_a_token_of_the_usual_kind_takes_no_more_transactions_than_before(
    world: World, engine: Engine, owner: Account
) -> None:
    counts = []
    for amount in (10**18, 2 * 10**18):
        counts.append(len(approve_token(owner, "WETH", amount, engine=engine, actor=OPERATOR)))
        world.anvil.mine()

    assert counts[0] == counts[1]


def test_an_approval_behind_one_that_no_block_has_taken_is_refused_in_words(
    world: World, engine: Engine, owner: Account
) -> None:
    count = len(approve_token(owner, "USDX", 100, engine=engine, actor=OPERATOR))

    with pytest.raises(WalletPaused, match="in no block yet"):
        approve_token(owner, "USDX", 200, engine=engine, actor=OPERATOR)

    assert Submission.objects.count() == count


def test_a_token_that_refuses_every_approval_is_named_before_anything_is_signed(world: World, owner: Account) -> None:
    """Code that reverts every call: PUSH1 0 PUSH1 0 REVERT, behind a constructor that returns it."""
    runtime = bytes.fromhex("60006000fd")
    constructor = bytes.fromhex("64") + runtime + bytes.fromhex("6000526005601bf3")
    token = ListedToken("NOPE", "Refuses all", 18, deployed(world, constructor))
    engine = Engine(world.chain(tokens=(*world.tokens, token)))

    with pytest.raises(BroadcastRejected, match="the token refuses the approval"):
        approve_token(owner, "NOPE", 5, engine=engine, actor=OPERATOR)

    assert Submission.objects.count() == 0


def test_the_command_follows_it_and_says_when_no_block_takes_it(
    world: World, engine: Engine, owner: Account, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("orders.management.commands.wallet.get_engine", lambda: engine)
    with pytest.raises(CommandError, match=r"is in no block after 0\.2 s; it is sent again until it is"):
        call_command("wallet", "approve", owner.name, "USDX", "1", reason="drill", wait=0.2)
    world.anvil.mine()

    world.anvil.ask("evm_setAutomine", True)
    try:
        call_command("wallet", "approve", owner.name, "USDX", "2", reason="drill", wait=5)
    finally:
        world.anvil.ask("evm_setAutomine", False)

    assert capsys.readouterr().out.count("went through in block") >= 2
    assert evm_chain(engine).allowances(engine.chain.address_of(f"account/{owner.id}"))["USDX"] == 2 * 10**6


def test_the_command_says_what_was_undone(
    world: World, engine: Engine, owner: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The trial saw no allowance; before its block another approval of the wallet was there."""
    monkeypatch.setattr("orders.management.commands.wallet.get_engine", lambda: engine)
    wallet = engine.chain.address_of(f"account/{owner.id}")
    calls = evm_chain(engine).approval_calls(wallet, "USDX", 200)
    approve(world, engine, owner, 100)
    monkeypatch.setattr(engine.chain, "approval_calls", lambda *_: calls)
    world.anvil.ask("evm_setAutomine", True)
    try:
        with pytest.raises(CommandError, match="was undone in block"):
            call_command("wallet", "approve", owner.name, "USDX", "0.0002", reason="drill", wait=5)
    finally:
        world.anvil.ask("evm_setAutomine", False)
