"""Wallets with keys of their own: files that others cannot read, never written over, and secrets that nothing shows."""

import json
from pathlib import Path

import pytest
from coincurve import PrivateKey
from eth_account import Account

from dex.chains.simulated.transaction import ROUTER, summarize_payload
from dex.errors import SigningRefused
from dex.signers import SigningPolicy
from dex.signers.keystore import KeystoreError, LocalKeystoreSigner, create_keystore, open_json, recover
from dex.signers.wallets import WalletFolder, address_of, read_key

PASSPHRASE = "planted-passphrase-3"
KEY = bytes(range(1, 33))
SWAPS = SigningPolicy(frozenset({"simulated"}), frozenset({ROUTER}))


@pytest.fixture
def folder(tmp_path: Path) -> WalletFolder:
    return WalletFolder(tmp_path / "wallets", iterations=2)


@pytest.fixture
def signer(tmp_path: Path, folder: WalletFolder) -> LocalKeystoreSigner:
    files = tmp_path / "keystore.json", tmp_path / "passphrase"
    create_keystore(*files, passphrase=PASSPHRASE, iterations=2)
    return LocalKeystoreSigner("simulated", *files, summarize_payload, SWAPS, folder)


def modes(tmp_path: Path) -> dict[str, int]:
    inside = (tmp_path / "wallets").iterdir()
    return {path.name: path.stat().st_mode & 0o777 for path in [tmp_path / "wallets", *inside]}


def test_a_new_wallet_is_a_keystore_that_others_can_open_with_its_passphrase(
    tmp_path: Path, folder: WalletFolder
) -> None:
    address = folder.create("treasury", PASSPHRASE)

    described = json.loads((tmp_path / "wallets" / "treasury.json").read_text())
    assert described["crypto"]["kdf"] == "scrypt"
    assert Account.from_key(Account.decrypt(described, PASSPHRASE)).address.lower() == address
    assert modes(tmp_path) == {"wallets": 0o700, "treasury.json": 0o600}
    assert folder.addresses() == {"treasury": address}


def test_nothing_is_written_over(tmp_path: Path, folder: WalletFolder) -> None:
    folder.add("treasury", KEY, PASSPHRASE)
    before = (tmp_path / "wallets" / "treasury.json").read_bytes()

    with pytest.raises(KeystoreError, match="nothing that exists is written over"):
        folder.create("treasury", PASSPHRASE)
    with pytest.raises(KeystoreError, match="treasury has this key already"):
        folder.add("other", KEY, PASSPHRASE)

    assert (tmp_path / "wallets" / "treasury.json").read_bytes() == before
    assert sorted(modes(tmp_path)) == ["treasury.json", "wallets"]


def test_a_folder_that_others_can_enter_is_refused(tmp_path: Path, folder: WalletFolder) -> None:
    (tmp_path / "wallets").mkdir(mode=0o755)

    with pytest.raises(KeystoreError, match="chmod 700"):
        folder.create("treasury", PASSPHRASE)

    assert list((tmp_path / "wallets").iterdir()) == []


@pytest.mark.parametrize("name", ["", "../up", "a/b", "A", ".x", "x" * 41, "-x"])
def test_a_name_is_no_path(folder: WalletFolder, name: str) -> None:
    with pytest.raises(KeystoreError, match="name"):
        folder.create(name, PASSPHRASE)
    with pytest.raises(KeystoreError, match="no wallet"):
        folder.address(name)


def test_a_short_passphrase_is_refused(folder: WalletFolder) -> None:
    with pytest.raises(KeystoreError, match="12 characters"):
        folder.create("treasury", "short")


@pytest.mark.parametrize("text", ["", "0x", "12" * 31, "12" * 33, "zz" * 32, "00" * 32, "ff" * 32])
def test_what_is_no_key_is_refused_without_quoting_it(text: str) -> None:
    with pytest.raises(KeystoreError) as refused:
        read_key(text)
    assert not text[2:] or text[2:] not in str(refused.value)


def test_a_key_is_read_with_or_without_its_prefix() -> None:
    assert read_key(KEY.hex()) == read_key(f"0x{KEY.hex()}\n") == KEY


def test_a_keystore_of_another_program_gives_its_key(tmp_path: Path) -> None:
    file = tmp_path / "UTC--key.json"
    file.write_text(json.dumps(Account.encrypt(KEY, "their words", kdf="pbkdf2", iterations=2)))

    assert open_json(file, "their words") == KEY
    with pytest.raises(KeystoreError, match="does not open"):
        open_json(file, "other words")


@pytest.mark.parametrize("described", [[], None, {"version": 5}, {"version": 3}, {"version": 3, "crypto": 5}])
def test_what_is_no_keystore_is_refused_as_one(tmp_path: Path, described: object) -> None:
    file = tmp_path / "key.json"
    file.write_text(json.dumps(described))

    with pytest.raises(KeystoreError, match=r"key\.json (is|cannot be)"):
        open_json(file, "words")


def test_only_a_wallet_whose_passphrase_is_kept_signs(folder: WalletFolder, signer: LocalKeystoreSigner) -> None:
    wallet, payload = folder.add("treasury", KEY, PASSPHRASE), b"payload"
    signer._policy = _AnythingGoes(frozenset(), frozenset())
    signer._summarize = lambda payload: None  # type: ignore[assignment, return-value]

    signer.hold("account/1", wallet)
    with pytest.raises(SigningRefused, match="no key"):
        signer.sign(wallet, payload)

    with pytest.raises(KeystoreError, match="does not open"):
        folder.keep_passphrase("treasury", "not the passphrase")
    folder.keep_passphrase("treasury", PASSPHRASE)
    folder.keep_passphrase("treasury", PASSPHRASE)
    signer.hold("account/1", wallet)

    assert recover(signer.sign(wallet, payload), payload) == wallet == address_of(KEY)
    assert wallet != signer.address_of("account/1")


class _AnythingGoes(SigningPolicy):
    def check(self, wallet: str, summary: object) -> None:
        """Not what these tests are about."""


def test_a_file_that_holds_another_key_than_it_says_does_not_sign(
    tmp_path: Path, folder: WalletFolder, signer: LocalKeystoreSigner, caplog: pytest.LogCaptureFixture
) -> None:
    wallet = folder.add("treasury", KEY, PASSPHRASE)
    folder.keep_passphrase("treasury", PASSPHRASE)
    file = tmp_path / "wallets" / "treasury.json"
    forged = Account.encrypt(bytes(31) + b"\x07", PASSPHRASE, iterations=2) | {"address": wallet[2:]}
    file.write_text(json.dumps(forged))

    signer.hold("account/1", wallet)

    assert wallet not in signer._keys
    assert "holds the key of another wallet" in caplog.text
    assert PASSPHRASE not in caplog.text


def test_a_key_of_the_folder_never_shows(folder: WalletFolder, signer: LocalKeystoreSigner) -> None:
    wallet = folder.add("treasury", KEY, PASSPHRASE)
    folder.keep_passphrase("treasury", PASSPHRASE)
    signer.hold("account/1", wallet)

    shown = f"{signer!r} {folder!r} {signer._keys[wallet]!r}"

    assert KEY.hex() not in shown
    assert PASSPHRASE not in shown
    assert isinstance(signer._keys[wallet], PrivateKey)
