"""`manage.py wallet` beside files that are no wallets: they are named, and everything else goes on."""

import json
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from eth_account import Account as EthAccount
from eth_keyfile.keyfile import create_keyfile_json

pytestmark = [pytest.mark.django_db(transaction=True)]

PASSPHRASE = "planted-passphrase-6"
KEY = bytes(range(3, 35))
# Source: go-ethereum, accounts/keystore/testdata/v3_test_vector.json (31_byte_key), passphrase foo.
GETH = {
    "crypto": {
        "cipher": "aes-128-ctr",
        "cipherparams": {"iv": "e0c41130a323adc1446fc82f724bca2f"},
        "ciphertext": "9517cd5bdbe69076f9bf5057248c6c050141e970efa36ce53692d5d59a3984",
        "kdf": "scrypt",
        "kdfparams": {
            "dklen": 32,
            "n": 2,
            "r": 8,
            "p": 1,
            "salt": "711f816911c92d649fb4c84b047915679933555030b3552c1212609b38208c63",
        },
        "mac": "d5e116151c6aa71470e67a7d42c9620c75c4d23229847dcc127794f0732b0db5",
    },
    "id": "fecfc4ce-e956-48fd-953b-30f8b52ed66c",
    "version": 3,
}


@pytest.fixture
def wallets(tmp_path: Path, settings: Any) -> Path:
    folder = tmp_path / "wallets"
    folder.mkdir(mode=0o700)
    settings.SIGNER_WALLETS = str(folder)
    return folder


def _secret(path: Path, text: str) -> str:
    path.touch(mode=0o600)
    path.write_text(text)
    return str(path)


def _import(tmp_path: Path, name: str, described: Any, passphrase: str) -> None:
    keystore, theirs = tmp_path / "theirs.json", _secret(tmp_path / "their-words", passphrase)
    keystore.write_text(json.dumps(described))
    ours = _secret(tmp_path / "our-words", PASSPHRASE)
    options = {"keystore": str(keystore), "keystore_passphrase_file": theirs, "passphrase_file": ours}
    call_command("wallet", "import", name, **options)


def test_geths_short_key_is_imported(tmp_path: Path, wallets: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _import(tmp_path, "geth", GETH, "foo")

    assert capsys.readouterr().out.split() == ["0xd1e64e5480bfaf733ba7d48712decb8227797a4e"]


def test_a_validators_key_is_refused_by_version_and_kind(tmp_path: Path, wallets: Path) -> None:
    described = create_keyfile_json(KEY, b"foo", version=4, kdf="scrypt", iterations=2)

    with pytest.raises(CommandError, match=r"version 4 \(EIP-2335\): a validator's BLS key"):
        _import(tmp_path, "validator", described, "foo")
    assert list(wallets.iterdir()) == []


def test_one_bad_file_is_listed_and_stops_neither_list_nor_create(
    tmp_path: Path, wallets: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    good = EthAccount.encrypt(KEY, PASSPHRASE, iterations=2)
    (wallets / "good.json").write_text(json.dumps(good))
    (wallets / "nameless.json").write_text(json.dumps(GETH))
    (wallets / "torn.json").write_text("{")
    (wallets / "loop.json").symlink_to(wallets / "loop.json")

    call_command("wallet", "create", "fresh", passphrase_file=_secret(tmp_path / "words", PASSPHRASE))
    fresh = capsys.readouterr().out.split()
    call_command("wallet", "list")

    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[:2] for line in lines[:2]] == [["fresh", *fresh], ["good", "0x" + good["address"].lower()]]
    assert [line.split(maxsplit=1)[0] for line in lines[2:]] == ["loop", "nameless", "torn"]
    assert all("cannot be used: " in line and str(wallets) in line for line in lines[2:])
