"""A wallet that runs out of gas signs nothing new until a person has looked; each time it runs out is said once."""

from collections.abc import Callable
from typing import Any

import pytest

from dex import ChainUnavailable, Engine
from dex.chains.evm.local.world import World
from dex.tests.chains.evm.evm_orders import ETH, Trader
from orders.audit.record import Actor
from orders.models import Account, AuditEntry, TradingControl, Wallet
from orders.risk.gas_guard import guard_gas
from orders.risk.pause import Target, resume
from orders.signing.wallets import ensure_wallets
from orders.tests.factories import new_account, place

pytestmark = pytest.mark.django_db(transaction=True)

BOSS = Actor("boss", "192.0.2.1", "seen to", is_admin=True)
FLOOR = 5 * 10**15


@pytest.fixture
def low(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """What the chain says of wallets, which a test fills in."""
    told: dict[str, str] = {}
    monkeypatch.setattr(
        engine.chain,
        "low_on_gas",
        lambda wallets: {wallet: told[wallet] for wallet in wallets if wallet in told},
        raising=False,
    )
    return told


def test_a_wallet_below_the_floor_is_paused_once_until_it_is_resumed(
    account: Account, engine: Engine, drive: Callable[..., None], low: dict[str, str]
) -> None:
    other = new_account()
    place(account)
    place(other)
    drive()
    wallet = Wallet.objects.get(account=account)
    target = Target("wallet", wallet.address, "simulated", account.pk)
    low[wallet.address] = "0.001 ETH is below the floor of 0.005 ETH"

    assert guard_gas(engine) == [target]
    assert guard_gas(engine) == [], "said once"
    [control] = TradingControl.objects.all()
    assert (control.scope, control.account_id, control.actor) == ("wallet", account.pk, "engine")
    assert control.reason == "low on gas: 0.001 ETH is below the floor of 0.005 ETH"
    entry = AuditEntry.objects.get(action="incident.gas")
    assert (entry.subject, entry.account_id) == (f"halt:wallet:{wallet.address}", account.pk)

    assert resume(target, BOSS)
    assert guard_gas(engine) == [], "whoever resumed it knows"
    del low[wallet.address]
    assert guard_gas(engine) == [], "it holds enough again"
    low[wallet.address] = "0.002 ETH is below the floor of 0.005 ETH"
    assert guard_gas(engine) == [target]
    assert AuditEntry.objects.filter(action="incident.gas").count() == 2


def test_a_wallet_that_never_signed_is_not_low_yet(account: Account, engine: Engine, low: dict[str, str]) -> None:
    [wallet] = ensure_wallets([account.pk], engine).values()
    low[wallet.address] = "nothing"

    assert guard_gas(engine) == []


def test_a_chain_that_does_not_answer_pauses_nobody(
    account: Account, engine: Engine, drive: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(wallets: Any) -> dict[str, str]:
        raise ChainUnavailable("away")

    place(account)
    drive()
    monkeypatch.setattr(engine.chain, "low_on_gas", away, raising=False)

    assert guard_gas(engine) == []
    assert not TradingControl.objects.exists()


def test_the_simulated_chain_takes_no_fees(account: Account, engine: Engine, drive: Callable[..., None]) -> None:
    place(account)
    drive()

    assert guard_gas(engine) == []


@pytest.mark.chain
def test_an_evm_chain_tells_who_is_below_its_floor(world: World) -> None:
    rich, poor = Trader.on(world, "account/801"), Trader.on(world, "account/802")
    chain = rich.chain
    world.anvil.ask("anvil_setBalance", poor.wallet, hex(FLOOR - 1))

    found = chain.low_on_gas([rich.wallet, poor.wallet])

    assert found == {poor.wallet: "0.004999999999999999 ETH is below the floor of 0.005 ETH"}
    world.anvil.ask("anvil_setBalance", poor.wallet, hex(FLOOR))
    assert chain.low_on_gas([rich.wallet, poor.wallet]) == {}
    assert Trader.on(world, "account/802", min_native=0).chain.low_on_gas([poor.wallet]) == {}
    world.anvil.ask("anvil_setBalance", poor.wallet, hex(ETH))
