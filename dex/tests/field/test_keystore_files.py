"""Keystores of other wallets: short keys are padded, other kinds refused in words, a bad file costs itself alone."""

import json
import logging
import os
import re
import time
from pathlib import Path
from typing import Any

import pytest
from coincurve import PrivateKey
from Crypto.Cipher import AES
from Crypto.Protocol.KDF import scrypt
from eth_account import Account
from eth_hash.auto import keccak
from eth_keyfile.keyfile import create_keyfile_json

from dex.chains.simulated.transaction import ROUTER, summarize_payload
from dex.signers import SigningPolicy
from dex.signers.keystore import KeystoreError, LocalKeystoreSigner, create_keystore, open_json, open_keystore
from dex.signers.keystore_files import GROUP_ORDER, address_in
from dex.signers.wallets import WalletFolder, address_of

PASSPHRASE = "planted-passphrase-5"
KEY = bytes(range(1, 33))
# Source: go-ethereum, accounts/keystore/testdata/v3_test_vector.json (31_byte_key, 30_byte_key), passphrase foo.
GETH = [
    {
        "iv": "e0c41130a323adc1446fc82f724bca2f",
        "ciphertext": "9517cd5bdbe69076f9bf5057248c6c050141e970efa36ce53692d5d59a3984",
        "salt": "711f816911c92d649fb4c84b047915679933555030b3552c1212609b38208c63",
        "mac": "d5e116151c6aa71470e67a7d42c9620c75c4d23229847dcc127794f0732b0db5",
        "key": "fa7b3db73dc7dfdf8c5fbdb796d741e4488628c41fc4febd9160a866ba0f35",
        "address": "0xd1E64E5480bFaf733Ba7D48712DEcb8227797a4e",
    },
    {
        "iv": "3ca92af36ad7c2cd92454c59cea5ef00",
        "ciphertext": "108b7d34f3442fc26ab1ab90ca91476ba6bfa8c00975a49ef9051dc675aa",
        "salt": "d0769e608fb86cda848065642a9c6fa046845c928175662b8e356c77f914cd3b",
        "mac": "75d0e6759f7b3cefa319c3be41680ab6beea7d8328653474bd06706d4cc67420",
        "key": "81c29e8142bb6a81bef5a92bda7a8328a5c85bb2f9542e76f9b0f94fc018",
        "address": "0x31e9D1e6D844bD3a536800Ef8d8Be6A9975Db509",
    },
]


def _described(crypto: dict[str, str]) -> dict[str, Any]:
    return {
        "crypto": {
            "cipher": "aes-128-ctr",
            "cipherparams": {"iv": crypto["iv"]},
            "ciphertext": crypto["ciphertext"],
            "kdf": "scrypt",
            "kdfparams": {"dklen": 32, "n": 2, "r": 8, "p": 1, "salt": crypto["salt"]},
            "mac": crypto["mac"],
        },
        "id": "fecfc4ce-e956-48fd-953b-30f8b52ed66c",
        "version": 3,
    }


def _encrypted(secret: bytes, **changes: Any) -> dict[str, Any]:
    """A keystore of any bytes, also of such that no wallet would write."""
    salt, iv = bytes(32), bytes(16)
    derived = bytes(scrypt(PASSPHRASE, salt, 32, N=2, r=8, p=1))  # type: ignore[arg-type]
    ciphertext = AES.new(derived[:16], AES.MODE_CTR, initial_value=iv, nonce=b"").encrypt(secret)
    crypto = {
        "iv": iv.hex(),
        "ciphertext": ciphertext.hex(),
        "salt": salt.hex(),
        "mac": keccak(derived[16:] + ciphertext).hex(),
    }
    return _described(crypto) | changes


def _written(path: Path, described: object) -> Path:
    path.write_text(described if isinstance(described, str) else json.dumps(described))
    return path


@pytest.fixture
def folder(tmp_path: Path) -> WalletFolder:
    return WalletFolder(tmp_path / "wallets", iterations=2)


@pytest.mark.parametrize("case", GETH, ids=lambda case: f"{len(case['key']) // 2} bytes")
def test_geths_short_keys_are_padded_on_the_left(tmp_path: Path, folder: WalletFolder, case: dict[str, str]) -> None:
    key = open_json(_written(tmp_path / "geth.json", _described(case)), "foo")

    assert key == bytes.fromhex(case["key"]).rjust(32, b"\0")
    assert address_of(key) == case["address"].lower()
    assert folder.add("geth", key, PASSPHRASE) == case["address"].lower()
    assert open_json(tmp_path / "wallets" / "geth.json", PASSPHRASE) == key


@pytest.mark.parametrize("size", range(1, 33))
def test_keys_of_every_length_are_opened(tmp_path: Path, size: int) -> None:
    secret = bytes(range(1, size + 1))

    key = open_json(_written(tmp_path / "short.json", _encrypted(secret)), PASSPHRASE)

    assert key == secret.rjust(32, b"\0")
    assert address_of(key) == Account.from_key(key).address.lower()


@pytest.mark.parametrize(
    ("secret", "words"),
    [
        (b"", "it has 0 bytes"),
        (bytes(1) + KEY, "it has 33 bytes"),
        (KEY * 2, "it has 64 bytes"),
        (bytes(32), "the number in it is zero"),
        (bytes(1), "the number in it is zero"),
        (GROUP_ORDER.to_bytes(32, "big"), "beyond the curve's order"),
        (b"\xff" * 32, "beyond the curve's order"),
    ],
)
def test_what_is_no_private_key_is_refused_in_words(tmp_path: Path, secret: bytes, words: str) -> None:
    keystore = _written(tmp_path / "wrong.json", _encrypted(secret))

    with pytest.raises(KeystoreError, match=words) as caught:
        open_json(keystore, PASSPHRASE)
    assert str(keystore) in str(caught.value)
    assert secret.hex() not in str(caught.value) or not secret


def test_the_largest_key_is_one(tmp_path: Path) -> None:
    key = (GROUP_ORDER - 1).to_bytes(32, "big")

    assert open_json(_written(tmp_path / "large.json", _encrypted(key)), PASSPHRASE) == key


def test_a_secret_that_keys_follow_from_stays_as_it_is(tmp_path: Path) -> None:
    """Wallets that follow from a short secret must stay the same: it is never padded."""
    passphrase_file = tmp_path / "passphrase"
    passphrase_file.write_text(PASSPHRASE + "\n")
    passphrase_file.chmod(0o600)

    assert open_keystore(_written(tmp_path / "s.json", _encrypted(KEY[:31])), passphrase_file) == KEY[:31]
    with pytest.raises(KeystoreError, match="no bytes"):
        open_keystore(_written(tmp_path / "e.json", _encrypted(b"")), passphrase_file)


def _bls() -> dict[str, Any]:
    return create_keyfile_json(KEY, PASSPHRASE.encode(), version=4, kdf="scrypt", iterations=2)


@pytest.mark.parametrize(
    ("described", "words"),
    [
        (_bls(), r"version 4 \(EIP-2335\): a validator's BLS key"),
        (_bls() | {"version": 3}, r"version 4 \(EIP-2335\)"),
        (_bls() | {"address": "00" * 20}, r"version 4 \(EIP-2335\)"),
        (_encrypted(KEY, version=1), "of version 1: only version 3"),
        (_encrypted(KEY, version=5), "of version 5: only version 3"),
        (_encrypted(KEY, version="3"), "of no version that can be read"),
        (_encrypted(KEY, version=True), "of no version that can be read"),
        ({}, "of no version that can be read"),
        ([], "its JSON is no object"),
        ("null", "its JSON is no object"),
        ("", "JSONDecodeError"),
        ('{"version": 3', "JSONDecodeError"),
        ("[" * 50_000, "cannot be read: RecursionError"),
        ({"version": 3, "crypto": []}, "cannot be decrypted"),
        ({"version": 3, "crypto": {"kdf": "none"}}, "cannot be decrypted"),
        ({"version": 3}, "cannot be decrypted"),
        ("x" * 70_000, "is larger than"),
        (_encrypted(KEY, address="00" * 20), "the key of another wallet than it says"),
        (_encrypted(KEY, address="elsewhere"), "says an address that is none"),
    ],
    ids=range(19),
)
def test_other_kinds_and_broken_files_are_refused_in_words(tmp_path: Path, described: object, words: str) -> None:
    with pytest.raises(KeystoreError, match=words) as caught:
        open_json(_written(tmp_path / "other.json", described), PASSPHRASE)
    assert str(tmp_path / "other.json") in str(caught.value)


def _of_kind(kdf: str, **terms: Any) -> dict[str, Any]:
    described = _encrypted(KEY)
    crypto = described["crypto"]
    plain = {"dklen": 32, "salt": "00" * 32} | ({"c": 2, "prf": "hmac-sha256"} if kdf == "pbkdf2" else {})
    crypto["kdf"], crypto["kdfparams"] = kdf, (crypto["kdfparams"] if kdf == "scrypt" else plain) | terms
    return described


@pytest.mark.parametrize(
    ("described", "words"),
    [
        (_of_kind("scrypt", n=2**20), "more than 512 MiB of memory"),
        (_of_kind("scrypt", n=2**40), "more than 512 MiB of memory"),
        (_of_kind("scrypt", r=2**30), "more than 512 MiB of memory"),
        (_of_kind("scrypt", p=10**9), "too much time"),
        (_of_kind("scrypt", n=3), "n a power of two"),
        (_of_kind("scrypt", n=1), "n a power of two"),
        (_of_kind("scrypt", n="2"), "n a power of two"),
        (_of_kind("scrypt", n=True), "n a power of two"),
        (_of_kind("scrypt", r=0), "above zero"),
        (_of_kind("scrypt", p=-1), "above zero"),
        (_of_kind("scrypt", N=2**40), "more than 512 MiB of memory"),
        (_of_kind("scrypt", dklen=10**9), "dklen is not between 32 and 64"),
        (_of_kind("scrypt", dklen=16), "dklen is not between 32 and 64"),
        (_of_kind("pbkdf2", c=10**9), "too much time"),
        (_of_kind("pbkdf2", c=0), "c is no whole number above zero"),
        (_of_kind("pbkdf2", dklen=10**9), "dklen is not between 32 and 64"),
        (_of_kind("pbkdf2", prf="hmac-sha512"), "prf is not hmac-sha256"),
        (_of_kind("argon2"), "neither scrypt nor pbkdf2"),
        ({"version": 3, "crypto": {"cipher": "aes-128-cbc"}}, "cipher is not aes-128-ctr"),
    ],
    ids=range(19),
)
def test_what_a_keystore_demands_is_looked_at_before_it_is_computed(
    tmp_path: Path, described: object, words: str
) -> None:
    started_at = time.monotonic()

    with pytest.raises(KeystoreError, match=words):
        open_json(_written(tmp_path / "dear.json", described), PASSPHRASE)
    assert time.monotonic() - started_at < 1


def test_names_of_fields_in_any_case_are_read(tmp_path: Path) -> None:
    text = json.dumps(_encrypted(KEY)).replace('"crypto"', '"Crypto"').replace('"kdfparams"', '"KdfParams"')

    assert open_json(_written(tmp_path / "upper.json", text), PASSPHRASE) == KEY


def test_a_wrong_passphrase_is_told_from_a_broken_file(tmp_path: Path) -> None:
    with pytest.raises(KeystoreError, match="the passphrase does not open"):
        open_json(_written(tmp_path / "right.json", _encrypted(KEY)), "another-passphrase")


@pytest.mark.parametrize(
    "spell", [str.lower, str.upper, lambda a: a, lambda a: "0x" + a, lambda a: "0X" + a.upper()], ids=range(5)
)
def test_an_address_in_any_spelling_of_its_own_is_taken(tmp_path: Path, spell: Any) -> None:
    checksummed = Account.from_key(KEY).address.removeprefix("0x")
    keystore = _written(tmp_path / "w.json", _encrypted(KEY, address=spell(checksummed)))

    assert address_in(keystore) == address_of(KEY)
    assert open_json(keystore, PASSPHRASE) == KEY


def _spoil_no_address(path: Path) -> None:
    _written(path, _encrypted(KEY))


def _spoil_json(path: Path) -> None:
    _written(path, '{"version": 3, "address": ')


def _spoil_case(path: Path) -> None:
    _written(path, _encrypted(KEY, address=Account.from_key(KEY).address.removeprefix("0x").swapcase()))


def _spoil_loop(path: Path) -> None:
    path.symlink_to(path)


def _spoil_dangling(path: Path) -> None:
    path.symlink_to(path.with_suffix(".gone"))


def _spoil_bytes(path: Path) -> None:
    path.write_bytes(b"\xff\xfe\x00")


def _spoil_bls(path: Path) -> None:
    _written(path, _bls())


def _spoil_folder(path: Path) -> None:
    path.mkdir()


def _spoil_pipe(path: Path) -> None:
    os.mkfifo(path)


SPOILED = [
    _spoil_no_address, _spoil_json, _spoil_case, _spoil_loop, _spoil_dangling, _spoil_bytes, _spoil_bls, _spoil_folder,
    _spoil_pipe,
]  # fmt: skip


@pytest.mark.parametrize("spoil", SPOILED, ids=lambda spoil: spoil.__name__)
@pytest.mark.parametrize("name", ["aaa", "zzz"])
def test_one_bad_file_is_named_and_costs_itself_alone(
    tmp_path: Path, folder: WalletFolder, caplog: pytest.LogCaptureFixture, name: str, spoil: Any
) -> None:
    good = folder.create("good", PASSPHRASE)
    folder.keep_passphrase("good", PASSPHRASE)
    bad = tmp_path / "wallets" / f"{name}.json"
    spoil(bad)
    kept = bad.with_suffix(".passphrase")
    kept.write_text(PASSPHRASE + "\n")
    kept.chmod(0o600)

    with caplog.at_level(logging.WARNING):
        addresses, faults = folder.contents()
        other = folder.create("other", PASSPHRASE)
        key = folder.key_of(good)

    assert (addresses, list(faults)) == ({"good": good}, [name])
    assert str(bad) in faults[name]
    assert folder.addresses() == {"good": good, "other": other}
    assert key is not None
    assert address_of(key) == good
    assert [record.getMessage() for record in caplog.records] == [faults[name]]  # once, not for each look
    with pytest.raises(KeystoreError, match=re.escape(str(bad))):
        folder.address(name)
    with pytest.raises(KeystoreError, match="nothing that exists is written over"):
        folder.add(name, bytes(range(2, 34)), PASSPHRASE)


def test_a_signer_starts_and_signs_beside_bad_files(tmp_path: Path, folder: WalletFolder) -> None:
    files = tmp_path / "keystore.json", tmp_path / "passphrase"
    create_keystore(*files, passphrase=PASSPHRASE, iterations=2)
    own = folder.create("own", PASSPHRASE)
    folder.keep_passphrase("own", PASSPHRASE)
    for number, spoil in enumerate(SPOILED):
        bad = tmp_path / "wallets" / f"a{number}.json"
        spoil(bad)
        bad.with_suffix(".passphrase").write_text(PASSPHRASE)
    policy = SigningPolicy(frozenset({"simulated"}), frozenset({ROUTER}))
    signer = LocalKeystoreSigner("simulated", *files, summarize_payload, policy, folder)

    signer.hold("account/1", own)

    assert own in signer._keys
    assert address_of(signer._keys[own].secret) == own
    assert isinstance(signer._keys[own], PrivateKey)
