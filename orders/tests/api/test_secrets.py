"""Planted secrets are looked for wherever something is shown: logs, admin pages, messages, the audit log, answers."""

import json
import logging
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from dex import Engine
from dex.chains.simulated import SimulatedChain, SimulatedOptions
from dex.chains.simulated.transaction import ROUTER, summarize_payload
from dex.signers import SigningPolicy
from dex.signers.keystore import LocalKeystoreSigner, create_keystore, open_keystore
from orders.config import Policy
from orders.models import Account, ApiKey, AuditEntry, Order, SignedTransaction
from orders.pipeline.loop import run_stage
from orders.states import Stage
from orders.tests.factories import api_key

pytestmark = pytest.mark.django_db(transaction=True)

PASSPHRASE = "planted-passphrase-2"
GOOD = {"token_in": "SOL", "token_out": "USDC", "amount": "2.5"}
PAGES = ("order", "orderevent", "fill", "wallet", "auditentry", "token", "account", "apikey", "tradingcontrol")


class Noted:
    """Notes what would be sent to Redis."""

    text = ""

    def send(self, commands: Sequence[Any]) -> list[Any]:
        return self.begin(commands)()

    def begin(self, commands: Sequence[Any]) -> Callable[[], list[Any]]:
        self.text += repr(commands)
        return list


@pytest.fixture
def signer(tmp_path: Path) -> LocalKeystoreSigner:
    files = tmp_path / "keystore.json", tmp_path / "passphrase"
    create_keystore(*files, passphrase=PASSPHRASE, iterations=2)
    policy = SigningPolicy(frozenset({"simulated"}), frozenset({ROUTER}))
    return LocalKeystoreSigner("simulated", *files, summarize_payload, policy)


def test_no_secret_shows_anywhere(
    account: Account,
    signer: LocalKeystoreSigner,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
    admin_client: Client,
    policy: Policy,
) -> None:
    for name in ("", "orders", "dex", "django"):
        caplog.set_level(logging.DEBUG, logger=name or None)
    sent, pushed = Noted(), Noted()
    monkeypatch.setattr("orders.notify.wake.kept", lambda url: sent)
    monkeypatch.setattr("orders.notify.push.kept", lambda url: pushed)
    options = SimulatedOptions(block_time_ms=0, quote_delay_ms=0, build_delay_ms=0, submit_delay_ms=0, noise_trades=0)
    engine = Engine(SimulatedChain(options, signer))
    key = api_key(account)
    client = Client(headers={"Authorization": f"Bearer {key}"})
    answers = [client.post("/api/v1/orders", json.dumps(body), content_type="application/json")
               for body in (GOOD, GOOD | {"amount": 1})]  # fmt: skip
    answers.append(client.get("/api/v1/orders", headers={"Authorization": f"Bearer {key[:-1]}!"}))

    for stage in Stage:
        run_stage(stage, engine=engine, policy=policy)

    order = Order.objects.get(pk=answers[0].json()["id"])
    assert order.status == "CONFIRMED"
    answers.append(client.get(f"/api/v1/orders/{order.id}"))
    answers.append(client.get(f"/api/v1/orders/{order.id}/events"))
    raw = bytes(SignedTransaction.objects.filter(tx_hash=order.tx_hash).get().raw)
    pages = [admin_client.get(f"/admin/orders/{page}/") for page in PAGES]
    pages.append(admin_client.get(f"/admin/orders/order/{order.id}/change/"))
    pages.append(admin_client.get(f"/admin/orders/apikey/{ApiKey.objects.get().pk}/change/"))
    assert [page.status_code for page in pages] == [200] * len(pages)
    shown = {
        "logs": caplog.text,
        "messages": sent.text + pushed.text,
        "answers": "".join(answer.content.decode() for answer in answers),
        "pages": "".join(page.content.decode() for page in pages),
        "audit": json.dumps(list(AuditEntry.objects.values()), default=str),
        "repr": repr((engine, signer, ApiKey.objects.get(), account, SignedTransaction.objects.get())),
    }
    secret = open_keystore(tmp_path / "keystore.json", tmp_path / "passphrase")
    planted = {
        "api key": key.split("_")[3],
        "passphrase": PASSPHRASE,
        "master secret": secret.hex(),
        "wallet key": signer._keys[signer.address_of(f"account/{account.id}")].to_hex(),
        "signed bytes": raw.hex(),
        "signature": raw[:65].hex(),
    }

    found = [(name, where) for name, value in planted.items() for where, text in shown.items() if value in text]

    assert found == []
    assert str(order.id) in shown["logs"]
    assert str(order.id) in pushed.text
    assert "orders.route" in sent.text
    assert str(order.id) not in sent.text, "no order travels in a wake-up"


def test_the_test_above_would_see_a_secret(caplog: pytest.LogCaptureFixture) -> None:
    logging.getLogger("orders.anything").warning("key %s", PASSPHRASE)

    assert PASSPHRASE in caplog.text


def test_a_caller_does_not_show_its_key(account: Account) -> None:
    from orders.access.authentication import caller_from

    key = api_key(account)
    caller = caller_from(f"Bearer {key}", "127.0.0.1")

    assert caller is not None
    assert caller.key is not None
    assert key.split("_")[3] not in repr(caller)
    assert caller.key.hashed_key not in repr(caller)
