"""Wallets with keys of their own: made, brought along and bound; what is in flight decides when."""

import contextlib
import json
import logging
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from eth_account import Account as EthAccount

from dex import Engine, RetryableError
from dex.chains.simulated import SimulatedChain, SimulatedOptions
from dex.chains.simulated.transaction import ROUTER, summarize_payload
from dex.signers import SigningPolicy
from dex.signers.keystore import LocalKeystoreSigner, create_keystore
from dex.signers.wallets import WalletFolder, address_of
from orders.audit.record import Actor
from orders.config import Policy
from orders.models import Account, AuditEntry, Submission, Wallet
from orders.models import SignedTransaction as StoredTransaction
from orders.pipeline.build import build_orders
from orders.pipeline.claim import claim_orders
from orders.pipeline.loop import run_stage
from orders.signing.bind import WalletInUse, bind_wallet
from orders.signing.wallets import ensure_wallets, owner_of
from orders.states import Stage
from orders.tests.factories import let_leases_run_out, new_account, place

pytestmark = pytest.mark.django_db(transaction=True)

PASSPHRASE = "planted-passphrase-4"
KEY = bytes(range(2, 34))
ACTOR = Actor("operator", reason="own key", is_admin=True)


@pytest.fixture
def folder(tmp_path: Path) -> WalletFolder:
    return WalletFolder(tmp_path / "wallets", iterations=2)


@pytest.fixture
def make_engine(tmp_path: Path, folder: WalletFolder) -> Callable[[], Engine]:
    """As processes do: each has a signer of its own."""
    files = tmp_path / "keystore.json", tmp_path / "passphrase"
    create_keystore(*files, passphrase=PASSPHRASE, iterations=2)
    policy = SigningPolicy(frozenset({"simulated"}), frozenset({ROUTER}))
    options = SimulatedOptions(block_time_ms=0, quote_delay_ms=0, build_delay_ms=0, submit_delay_ms=0, noise_trades=0)
    signer = partial(LocalKeystoreSigner, "simulated", *files, summarize_payload, policy, folder)
    return lambda: Engine(SimulatedChain(options, signer()))


@pytest.fixture
def keyed(make_engine: Callable[[], Engine]) -> Engine:
    return make_engine()


@pytest.fixture
def commands(keyed: Engine, folder: WalletFolder, settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The command with this engine and this folder."""
    settings.SIGNER = "keystore"
    for name, value in {"get_engine": keyed, "wallet_folder": folder}.items():
        monkeypatch.setattr(f"orders.cli.own_wallets.{name}", lambda value=value: value)
    monkeypatch.setattr("orders.management.commands.wallet.get_engine", lambda: keyed)


@pytest.fixture
def passphrase_file(tmp_path: Path) -> str:
    return written(tmp_path / "words", PASSPHRASE + "\n")


def written(path: Path, text: str) -> str:
    path.touch(mode=0o600)
    path.write_text(text)
    return str(path)


def wallet(verb: str, *arguments: str, **options: str) -> None:
    """`manage.py wallet`, as a shell calls it."""
    given = [f"--{name.replace('_', '-')}={value}" for name, value in options.items()]
    call_command("wallet", verb, *arguments, *given)


def own(folder: WalletFolder, name: str = "treasury", key: bytes = KEY) -> str:
    address = folder.add(name, key, PASSPHRASE)
    folder.keep_passphrase(name, PASSPHRASE)
    return address


def run(engine: Engine, policy: Policy, *stages: Stage) -> None:
    for stage in stages:
        with contextlib.suppress(RetryableError):
            run_stage(stage, engine=engine, policy=policy, carries_to={})
        let_leases_run_out()


def signed_by() -> list[str]:
    return list(StoredTransaction.objects.order_by("id").values_list("submission__wallet__address", flat=True))


def test_a_created_wallet_trades_for_its_account(
    account: Account, keyed: Engine, policy: Policy, commands: None, passphrase_file: str, capsys: Any
) -> None:
    wallet("create", "treasury", passphrase_file=passphrase_file, account=account.name, reason="own key")
    address = capsys.readouterr().out.split()[0]
    [order] = place(account)

    run(keyed, policy, *Stage)
    wallet("address", account.name)

    order.refresh_from_db()
    assert order.status == "CONFIRMED"
    assert signed_by() == [address]
    assert capsys.readouterr().out.split() == [address]
    [entry] = AuditEntry.objects.filter(action="wallet.bind")
    assert (entry.subject, entry.reason, entry.before, entry.after) == (
        f"wallet:{address}", "own key", None, {"address": address},
    )  # fmt: skip


@pytest.mark.parametrize("source", ["key_file", "keystore"])
def test_an_imported_key_keeps_its_address(
    db: None, commands: None, passphrase_file: str, tmp_path: Path, folder: WalletFolder, source: str, capsys: Any
) -> None:
    files = {
        "key_file": {"key_file": written(tmp_path / "key", KEY.hex() + "\n")},
        "keystore": {
            "keystore": written(tmp_path / "theirs", json.dumps(EthAccount.encrypt(KEY, "their words", iterations=2))),
            "keystore_passphrase_file": written(tmp_path / "their-words", "their words"),
        },
    }[source]

    wallet("import", "old", passphrase_file=passphrase_file, **files)
    wallet("list")

    shown = capsys.readouterr().out.splitlines()
    assert shown[0] == address_of(KEY)
    assert shown[1].split() == ["old", address_of(KEY), "of", "no", "account"]
    assert not (tmp_path / "wallets" / "old.passphrase").exists()


def test_a_key_and_a_passphrase_can_be_typed_unseen(
    db: None, commands: None, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    typed = iter([KEY.hex(), PASSPHRASE, PASSPHRASE, PASSPHRASE, "other"])
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr("getpass.getpass", lambda prompt: next(typed))

    wallet("import", "typed")
    with pytest.raises(CommandError, match="not the same twice"):
        wallet("create", "mistyped")

    assert capsys.readouterr().out.split() == [address_of(KEY)]


def test_without_a_keyboard_a_file_is_needed(db: None, commands: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin.isatty", lambda: False, raising=False)

    with pytest.raises(CommandError, match="--passphrase-file FILE"):
        wallet("create", "treasury")


def test_a_file_that_others_can_read_gives_no_key(
    db: None, commands: None, passphrase_file: str, tmp_path: Path, folder: WalletFolder
) -> None:
    key_file = Path(written(tmp_path / "key", KEY.hex()))
    key_file.chmod(0o640)

    with pytest.raises(CommandError, match="chmod 600"):
        wallet("import", "old", key_file=str(key_file), passphrase_file=passphrase_file)

    assert folder.addresses() == {}


def test_no_secret_is_an_argument_or_shows(
    account: Account, commands: None, passphrase_file: str, tmp_path: Path,
    caplog: pytest.LogCaptureFixture, capsys: Any,
) -> None:  # fmt: skip
    caplog.set_level(logging.DEBUG)
    key_file = written(tmp_path / "key", KEY.hex())
    options = {"passphrase_file": passphrase_file, "account": account.name, "reason": "own key"}
    wallet("import", "old", key_file=key_file, **options)
    with pytest.raises(CommandError) as refused:
        wallet("import", "old", key_file=key_file, **options)

    told = [*AuditEntry.objects.values_list("reason", "subject", "before", "after"), str(refused.value)]
    shown = f"{caplog.text} {capsys.readouterr()} {told}"

    assert PASSPHRASE not in shown
    assert KEY.hex() not in shown


def test_binding_is_refused_while_anything_is_in_flight(
    account: Account, keyed: Engine, policy: Policy, folder: WalletFolder
) -> None:
    own_address = own(folder)
    [order] = place(account)
    run(keyed, policy, Stage.ROUTE, Stage.BUILD)
    before = Wallet.objects.get(account=account)

    for stage in (Stage.SUBMIT, Stage.CONFIRM):
        with pytest.raises(WalletInUse, match=r"1 transactions of .* are not final yet"):
            bind_wallet(account, own_address, engine=keyed, actor=ACTOR)
        run(keyed, policy, stage)
    bind_wallet(account, own_address, engine=keyed, actor=ACTOR)

    order.refresh_from_db()
    assert order.status == "CONFIRMED"
    assert Wallet.objects.get(account=account, retired_at__isnull=True).address == own_address
    kept = Wallet.objects.get(pk=before.pk)
    assert (kept.address, kept.next_nonce, kept.retired_at is not None) == (before.address, before.next_nonce, True)


def test_what_is_not_signed_yet_goes_on_with_the_new_wallet(
    account: Account, keyed: Engine, policy: Policy, folder: WalletFolder
) -> None:
    own_address = own(folder)
    ensure_wallets({account.id}, keyed)
    [order] = place(account)
    run(keyed, policy, Stage.ROUTE)

    bind_wallet(account, own_address, engine=keyed, actor=ACTOR)
    run(keyed, policy, Stage.BUILD, Stage.SUBMIT, Stage.CONFIRM)

    order.refresh_from_db()
    assert order.status == "CONFIRMED"
    assert signed_by() == [own_address]


def test_a_worker_that_read_the_old_wallet_does_not_sign_with_it(
    account: Account, keyed: Engine, policy: Policy, folder: WalletFolder
) -> None:
    own_address = own(folder)
    ensure_wallets({account.id}, keyed)
    place(account)
    run(keyed, policy, Stage.ROUTE)
    claim = claim_orders(Stage.BUILD, 10, 10, chain_id="simulated")

    bind_wallet(account, own_address, engine=keyed, actor=ACTOR)
    build_orders(claim.orders, engine=keyed, policy=policy)

    assert not Submission.objects.exists()
    assert set(Wallet.objects.values_list("next_nonce", flat=True)) == {0}


def test_a_wallet_belongs_to_one_account(account: Account, keyed: Engine, folder: WalletFolder) -> None:
    own_address, other = own(folder), new_account()
    bind_wallet(account, own_address, engine=keyed, actor=ACTOR)

    with pytest.raises(WalletInUse, match="another account"):
        bind_wallet(other, own_address, engine=keyed, actor=ACTOR)
    bind_wallet(account, keyed.chain.address_of(owner_of(account.id)), engine=keyed, actor=ACTOR)
    with pytest.raises(WalletInUse, match="another account"):
        bind_wallet(other, own_address, engine=keyed, actor=ACTOR)


def test_a_wallet_that_comes_back_goes_on_where_its_nonces_were(
    account: Account, make_engine: Callable[[], Engine], policy: Policy, folder: WalletFolder, commands: None
) -> None:
    own_address, engine = own(folder), make_engine()
    derived = ensure_wallets({account.id}, engine)[account.id].address

    for address in (derived, own_address, derived, own_address):
        bind_wallet(account, address, engine=engine, actor=ACTOR)
        [order] = place(account)
        run(make_engine(), policy, *Stage)
        order.refresh_from_db()
        assert order.status == "CONFIRMED"
    wallet("unbind", account.name, reason="done")

    assert signed_by() == [derived, own_address, derived, own_address]
    assert dict(Wallet.objects.values_list("address", "next_nonce")) == {derived: 2, own_address: 2}
    assert Wallet.objects.get(retired_at__isnull=True).address == derived


def test_another_process_replaces_with_a_key_that_it_never_used(
    account: Account, make_engine: Callable[[], Engine], folder: WalletFolder
) -> None:
    engine = make_engine()
    bind_wallet(account, own(folder), engine=engine, actor=ACTOR)
    place(account)
    patient = Policy(retry_base_s=0.001, retry_cap_s=0.001, stuck_s=0.0, max_replacements=1)
    run(engine, patient, Stage.ROUTE, Stage.BUILD)
    [held] = StoredTransaction.objects.values_list("submission_id", flat=True)
    Submission.objects.filter(pk=held).update(order=None)

    from orders.signing.nonces import clear_nonces

    assert clear_nonces(make_engine(), patient) == 1

    assert list(StoredTransaction.objects.order_by("id").values_list("is_noop", flat=True)) == [False, True]
