"""A signer whose one secret is an encrypted keystore on this machine (Web3 Secret Storage, as wallets write it).

Each owner's key is derived from that secret, so that one file is all there is to back up, and no key of one account
tells another's. Imported only where it is used: what decrypts the file takes a second and 40 MB to load.
"""

import hashlib
import hmac
import json
import logging
import os
import threading
from functools import lru_cache
from pathlib import Path
from typing import Protocol

from coincurve import PrivateKey, PublicKey
from eth_account import Account
from eth_hash.auto import keccak

from dex.errors import SigningRefused
from dex.signers.keystore_files import GROUP_ORDER, KeystoreError, address_of_key, open_json, open_secret
from dex.signers.policy import SigningPolicy
from dex.signers.summary import SummarizePayload

__all__ = [
    "GROUP_ORDER",
    "KeystoreError",
    "LocalKeystoreSigner",
    "OwnKeys",
    "address_of_key",
    "create_keystore",
    "open_json",
    "open_keystore",
    "passphrase_in",
    "recover",
]

logger = logging.getLogger(__name__)

SIGNATURE_BYTES = 65
PASSPHRASE_MODE = 0o600


class OwnKeys(Protocol):
    """Keys that are not derived, by wallet; see wallets.py."""

    def key_of(self, address: str) -> bytes | None:
        """A wallet's key, None where it is not here. Raises: KeystoreError."""
        ...


class LocalKeystoreSigner:
    """Signs with keys derived from an encrypted keystore, which is opened on first use and never shown.

    `own_keys` are those of wallets that the operator has made or imported.
    """

    def __init__(
        self,
        chain_id: str,
        keystore: Path,
        passphrase_file: Path,
        summarize: SummarizePayload,
        policy: SigningPolicy,
        own_keys: OwnKeys | None = None,
    ) -> None:
        self._chain_id = chain_id
        self._keystore = keystore
        self._passphrase_file = passphrase_file
        self._summarize = summarize
        self._policy = policy
        self._own_keys = own_keys
        self._lock = threading.Lock()
        self._secret: bytes | None = None
        self._addresses: dict[str, str] = {}
        self._keys: dict[str, PrivateKey] = {}

    def __repr__(self) -> str:
        return f"<LocalKeystoreSigner of {self._keystore.name}>"

    def address_of(self, owner: str) -> str:
        """See `Signer`. Raises: KeystoreError."""
        if (known := self._addresses.get(owner)) is not None:
            return known
        key = PrivateKey(_derive(self._open(), f"{self._chain_id}/{owner}"))
        address = address_of_key(key.public_key)
        self._keys[address] = key
        self._addresses[owner] = address
        return address

    def hold(self, owner: str, wallet: str) -> None:
        """See `Signer`. Raises: KeystoreError when the secret that keys are derived from cannot be opened."""
        if wallet in self._keys or self.address_of(owner) == wallet or self._own_keys is None:
            return
        try:
            key = self._own_keys.key_of(wallet)
        except KeystoreError:
            logger.exception("the key of wallet %s cannot be opened", wallet)
            return
        if key is not None:
            self._keys[wallet] = PrivateKey(key)

    def judge(self, wallet: str, payload: bytes) -> None:
        """See `Signer`."""
        self._policy.check(wallet, self._summarize(payload))

    def sign(self, wallet: str, payload: bytes) -> bytes:
        """See `Signer`: r, s and recovery id (65 bytes) over the payload's Keccak-256 hash.

        The wallet must have been made ready with `hold` or `address_of` in this process before.
        """
        self.judge(wallet, payload)
        key = self._keys.get(wallet)
        if key is None:
            raise SigningRefused(f"the signer refuses: it has no key of wallet {wallet}")
        return key.sign_recoverable(keccak(payload), hasher=None)

    def _open(self) -> bytes:
        with self._lock:
            if self._secret is None:
                self._secret = open_keystore(self._keystore, self._passphrase_file)
            return self._secret


def open_keystore(keystore: Path, passphrase_file: Path) -> bytes:
    """The secret of a keystore, its bytes as they are: keys follow from them.

    Raises: KeystoreError when a file is missing, readable by others, or does not fit.
    """
    passphrase = passphrase_in(passphrase_file)
    secret = open_secret(keystore, passphrase, f"the passphrase in {passphrase_file}")
    if not secret:
        raise KeystoreError(f"{keystore} holds no secret: it has no bytes")
    return secret


def passphrase_in(passphrase_file: Path) -> str:
    """Raises: KeystoreError when the file is missing or readable by others."""
    try:
        if passphrase_file.stat().st_mode & 0o077:
            raise KeystoreError(f"{passphrase_file} can be read by others: chmod 600")
        return passphrase_file.read_text(encoding="utf-8").rstrip("\n")
    except (OSError, ValueError) as error:
        raise KeystoreError(f"{passphrase_file} cannot be read: {type(error).__name__}") from None


def create_keystore(keystore: Path, passphrase_file: Path, *, passphrase: str, iterations: int | None = None) -> None:
    """Write a new secret, encrypted, and the passphrase beside it, both 0600. Raises: FileExistsError."""
    secret = Account.create().key
    _write_new(keystore, json.dumps(Account.encrypt(secret, passphrase, iterations=iterations)))
    _write_new(passphrase_file, passphrase + "\n")


@lru_cache(maxsize=4096)
def recover(signature: bytes, payload: bytes) -> str:
    """The address whose key made the signature, empty when none did."""
    try:
        return address_of_key(PublicKey.from_signature_and_message(signature, keccak(payload), hasher=None))
    except ValueError:
        return ""
    except Exception:
        return ""


def _derive(secret: bytes, path: str) -> bytes:
    """A private key that only the secret's holder can compute."""
    wide = hmac.digest(secret, f"order-execution-engine/{path}".encode(), hashlib.sha512)
    return (int.from_bytes(wide, "big") % (GROUP_ORDER - 1) + 1).to_bytes(32, "big")


def _write_new(path: Path, text: str) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, PASSPHRASE_MODE)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
