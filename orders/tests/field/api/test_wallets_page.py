"""GET /wallets: what the caller's wallet holds, exactly, and no other's."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from dex import ChainUnavailable, Engine
from dex.chains.evm.local.world import World
from dex.tests.chains.evm.evm_orders import ETH
from orders.amounts import format_units
from orders.models import Account, Order, Wallet
from orders.tests.evm import engine_on, finish, sale
from orders.tests.factories import api_key, new_account, place, terms
from orders.tests.http_client import Api

pytestmark = pytest.mark.django_db(transaction=True)


def on(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the API answer for this engine."""
    monkeypatch.setattr("orders.api.wallets.get_engine", lambda: engine)


@pytest.fixture
def api(account: Account, engine: Engine, monkeypatch: pytest.MonkeyPatch) -> Api:
    on(engine, monkeypatch)
    return Api(account)


def by_token(answer: Any) -> dict[str, tuple[str, str]]:
    [wallet] = answer.json()["results"]
    return {row["token"]: (row["amount"], row["amount_raw"]) for row in wallet["balances"]}


def test_it_tells_to_the_atom_what_an_order_has_moved(
    api: Api, account: Account, engine: Engine, drive: Callable[..., None]
) -> None:
    place(account)
    drive()
    before = by_token(api.get("wallets"))
    [order] = place(account, terms(amount=2_500_000_001))
    drive()
    order.refresh_from_db()

    answer = api.get("wallets")

    after = by_token(answer)
    [receipt] = engine.receipts([order.tx_hash or ""])
    assert receipt is not None
    assert int(before["SOL"][1]) - int(after["SOL"][1]) == order.amount_in + receipt.fee_paid
    assert (order.amount_in, receipt.fee_paid > 0) == (2_500_000_001, True)
    assert int(after["USDC"][1]) - int(before["USDC"][1]) == order.amount_out
    assert list(after) == sorted(token.symbol for token in engine.chain.tokens())
    wallet = Wallet.objects.get()
    [shown] = answer.json()["results"]
    assert (shown["address"], shown["chain"], shown["is_paused"]) == (wallet.address, wallet.chain_id, False)
    assert answer.json()["chain"] == "simulated"
    whole, _, fraction = after["SOL"][0].partition(".")
    assert int(whole) * 10**9 + int(fraction.ljust(9, "0")) == int(after["SOL"][1])
    assert all(isinstance(text, str) for row in after.values() for text in row)


def test_without_a_wallet_nothing_is_shown_and_no_keystore_is_opened(
    api: Api, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine.chain, "address_of", lambda owner: pytest.fail("the signer was asked"))

    assert api.get("wallets").json() == {"chain": "simulated", "results": []}
    assert Wallet.objects.count() == 0


def test_nobody_sees_the_wallet_of_another(api: Api, account: Account, drive: Callable[..., None]) -> None:
    place(account)
    other = new_account()
    place(other)
    drive()

    mine = Wallet.objects.get(account=account)

    assert [row["address"] for row in api.get("wallets").json()["results"]] == [mine.address]
    assert Api(other).get("wallets").json()["results"][0]["address"] != mine.address
    assert Api(new_account()).get("wallets").json()["results"] == []


def test_wallets_that_were_replaced_or_are_elsewhere_are_not_shown(
    api: Api, account: Account, drive: Callable[..., None]
) -> None:
    place(account)
    drive()
    mine = Wallet.objects.get()
    Wallet.objects.create(account=account, chain_id="simulated", address="sim1old", retired_at=datetime.now(UTC))
    Wallet.objects.create(account=account, chain_id="eip155:1", address="0x" + "1" * 40)
    Wallet.objects.filter(pk=mine.pk).update(paused_reason="used elsewhere")

    [shown] = api.get("wallets").json()["results"]

    assert (shown["address"], shown["is_paused"]) == (mine.address, True)


def test_a_chain_that_is_away_is_a_problem_with_a_time(
    api: Api, account: Account, engine: Engine, drive: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    place(account)
    drive()

    def away(wallet: str) -> dict[str, int]:
        raise ChainUnavailable("no node answers")

    monkeypatch.setattr(engine.chain, "balances", away)

    answer = api.get("wallets")

    assert (answer.status_code, answer.json()["code"]) == (503, "chain_unavailable")
    assert answer["Content-Type"] == "application/problem+json"
    assert int(answer["Retry-After"]) > 0


def test_it_needs_the_scope_to_read_and_knows_no_parameters(api: Api, account: Account) -> None:
    blind = api.client.get("/api/v1/wallets", headers={"authorization": f"Bearer {api_key(account, scopes=['trade'])}"})
    none = api.client.get("/api/v1/wallets", headers={"authorization": ""})

    assert (blind.status_code, blind.json()["code"], blind.json()["facts"]) == (403, "scope", {"scope": "read"})
    assert none.status_code == 401
    assert api.get("wallets?account=other").status_code == 400
    assert api.client.post("/api/v1/wallets").status_code == 405


@pytest.mark.chain
def test_on_the_local_chain_native_and_tokens_are_told_in_one_batch(
    world: World, db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = engine_on(world)
    on(engine, monkeypatch)
    owner = new_account()
    [order] = place(owner, sale(engine, ETH))
    finish(world, engine)
    order = Order.objects.get(pk=order.pk)
    batches: list[int] = []
    taken = engine.chain._rpc.taken  # type: ignore[attr-defined]

    def counted(calls: Any, read: Any) -> Any:
        batches.append(len(calls))
        return taken(calls, read)

    monkeypatch.setattr(engine.chain._rpc, "taken", counted)  # type: ignore[attr-defined]

    told = by_token(Api(owner).get("wallets"))

    wallet = Wallet.objects.get(account=owner)
    native = int(world.anvil.ask("eth_getBalance", wallet.address, "latest"), 16)
    decimals = {token.symbol: token.decimals for token in engine.chain.tokens()}
    assert told["ETH"] == (format_units(native, 18), str(native))
    assert set(told) == set(decimals)
    assert int(told[order.token_out][1]) >= order.amount_out > 0
    assert batches == [len(decimals)]
