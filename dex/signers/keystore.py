"""A signer whose one secret is an encrypted keystore on this machine (Web3 Secret Storage, as wallets write it).

Each owner's key is derived from that secret, so that one file is all there is to back up, and no key of one account
tells another's. Imported only where it is used: what decrypts the file takes a second and 40 MB to load.
"""

import hashlib
import hmac
import json
import logging
import os
import sys
import threading
from functools import lru_cache
from pathlib import Path
from typing import Protocol

from coincurve import PrivateKey, PublicKey
from eth_account import Account
from eth_hash.auto import keccak

from dex.errors import SigningRefused
from dex.signers.base import Reader
from dex.signers.policy import SigningPolicy

logger = logging.getLogger(__name__)

# Python's own. A package below eth_account, py_ecc, raises it to 100,000 calls for curves that nobody uses here; at
# that depth nested input kills the process instead of being refused.
sys.setrecursionlimit(1_000)

# The order of secp256k1's group. Source: https://www.secg.org/sec2-v2.pdf, section 2.4.1.
GROUP_ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
SIGNATURE_BYTES = 65
PASSPHRASE_MODE = 0o600


class KeystoreError(Exception):
    """The keystore cannot be used; the message holds no secret."""


class OwnKeys(Protocol):
    """Keys that are not derived, by wallet; see wallets.py."""

    def key_of(self, address: str) -> bytes | None:
        """A wallet's key, None where it is not here. Raises: KeystoreError."""
        ...


class LocalKeystoreSigner:
    """Signs with keys derived from an encrypted keystore, which is opened on first use and never shown.

    `own_keys` are those of wallets that somebody has made or brought along.
    """

    def __init__(
        self,
        chain_id: str,
        keystore: Path,
        passphrase_file: Path,
        read: Reader,
        policy: SigningPolicy,
        own_keys: OwnKeys | None = None,
    ) -> None:
        self._chain_id = chain_id
        self._keystore = keystore
        self._passphrase_file = passphrase_file
        self._read = read
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
        self._policy.check(wallet, self._read(payload))

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
    """The secret of a keystore. Raises: KeystoreError when a file is missing, readable by others, or does not fit."""
    try:
        if passphrase_file.stat().st_mode & 0o077:
            raise KeystoreError(f"{passphrase_file} can be read by others: chmod 600")
        passphrase = passphrase_file.read_text(encoding="utf-8").rstrip("\n")
    except (OSError, ValueError) as error:
        raise KeystoreError(f"{passphrase_file} cannot be read: {type(error).__name__}") from None
    return open_json(keystore, passphrase, f"the passphrase in {passphrase_file}")


def open_json(keystore: Path, passphrase: str, opener: str = "the passphrase") -> bytes:
    """The key in a keystore that some wallet has written; `opener` names the passphrase in the error.

    Raises: KeystoreError.
    """
    try:
        described = json.loads(keystore.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise KeystoreError(f"{keystore} cannot be read: {type(error).__name__}") from None
    try:
        return bytes(Account.decrypt(described, passphrase))
    except (ValueError, KeyError, TypeError, NotImplementedError):
        # Without the cause, which may quote what it was given.
        raise KeystoreError(f"{opener} does not open {keystore}") from None


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


def address_of_key(key: PublicKey) -> str:
    """The last 20 bytes of the hash of the public point, in lower case. Source: Ethereum Yellow Paper, appendix F."""
    return "0x" + keccak(key.format(compressed=False)[1:])[-20:].hex()


def _derive(secret: bytes, path: str) -> bytes:
    """A private key that only the secret's holder can compute."""
    wide = hmac.digest(secret, f"order-execution-engine/{path}".encode(), hashlib.sha512)
    return (int.from_bytes(wide, "big") % (GROUP_ORDER - 1) + 1).to_bytes(32, "big")


def _write_new(path: Path, text: str) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, PASSPHRASE_MODE)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
