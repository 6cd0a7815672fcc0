"""Wallets with keys of their own, each an encrypted keystore in a folder that only its owner can read.

A wallet's passphrase lies beside it only once it is meant to sign unattended. Imported only where it is used, as
`keystore` is.
"""

import json
import logging
import os
import re
import secrets
from collections.abc import Iterator
from pathlib import Path

from coincurve import PrivateKey
from eth_account import Account

from dex.signers.keystore import passphrase_in
from dex.signers.keystore_files import GROUP_ORDER, KeystoreError, address_in, address_of_key, open_json

logger = logging.getLogger(__name__)

FOLDER_MODE, FILE_MODE = 0o700, 0o600
NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}")
KEY = re.compile(r"(?:0x)?([0-9a-fA-F]{64})")
# A stolen file stands by its passphrase alone.
SHORTEST_PASSPHRASE = 12


class WalletFolder:
    """One folder: `NAME.json` is a keystore, `NAME.passphrase` opens it. Nothing there is ever written over."""

    def __init__(self, folder: Path, *, iterations: int | None = None) -> None:
        self._folder = folder
        self._iterations = iterations
        self._told: set[str] = set()

    def create(self, name: str, passphrase: str) -> str:
        """A new key under this name; its address. Raises: KeystoreError."""
        return self.add(name, bytes(Account.create().key), passphrase)

    def add(self, name: str, key: bytes, passphrase: str) -> str:
        """Keep a key under this name; its address. Raises: KeystoreError."""
        if not NAME.fullmatch(name):
            raise KeystoreError("a wallet's name has 1 to 40 of a-z, 0-9, - and _")
        if len(passphrase) < SHORTEST_PASSPHRASE:
            raise KeystoreError(f"a passphrase has {SHORTEST_PASSPHRASE} characters or more")
        address = address_of(key)
        if same := [known for known, its in self.addresses().items() if its == address]:
            raise KeystoreError(f"the wallet {same[0]} has this key already")
        self._make_folder()
        described = Account.encrypt(key, passphrase, iterations=self._iterations)
        self._write(self._file(name), json.dumps(described))
        return address

    def addresses(self) -> dict[str, str]:
        """The address of each wallet by name. A file that cannot be used is logged, and costs itself alone."""
        addresses, faults = self.contents()
        for fault in faults.values():
            self._tell(fault)
        return addresses

    def contents(self) -> tuple[dict[str, str], dict[str, str]]:
        """By name: the address of each wallet, and of what cannot be used the reason."""
        addresses, faults = {}, {}
        for path in sorted(self._folder.glob("*.json")):
            try:
                addresses[path.stem] = address_in(path)
            except KeystoreError as error:
                faults[path.stem] = str(error)
        return addresses, faults

    def address(self, name: str) -> str:
        """A wallet's address. Raises: KeystoreError where there is none of this name."""
        if not NAME.fullmatch(name) or not os.path.lexists(self._file(name)):
            raise KeystoreError(f"there is no wallet {name[:40]!r} in {self._folder}")
        return address_in(self._file(name))

    def keep_passphrase(self, name: str, passphrase: str) -> None:
        """Let the wallet sign unattended, once it is seen that the passphrase opens it. Raises: KeystoreError."""
        address, kept = self.address(name), self._passphrase_file(name)
        if kept.exists():
            self._opened(name, address)
            return
        if address_of(open_json(self._file(name), passphrase)) != address:
            raise KeystoreError(f"{self._file(name)} holds the key of another wallet than it says")
        self._write(kept, passphrase + "\n")

    def key_of(self, address: str) -> bytes | None:
        """The key of a wallet that may sign unattended, None for a wallet that is not here. Raises: KeystoreError."""
        for name, its in self._addresses_of_kept():
            if its == address:
                return self._opened(name, address)
        return None

    def _addresses_of_kept(self) -> Iterator[tuple[str, str]]:
        for path in sorted(self._folder.glob("*.passphrase")):
            if not os.path.lexists(self._file(path.stem)):
                continue
            try:
                yield path.stem, address_in(self._file(path.stem))
            except KeystoreError as error:
                self._tell(str(error))

    def _tell(self, fault: str) -> None:
        """Once in a process: the folder is read for every wallet."""
        if fault not in self._told:
            self._told.add(fault)
            logger.warning("%s", fault)

    def _opened(self, name: str, address: str) -> bytes:
        kept = self._passphrase_file(name)
        key = open_json(self._file(name), passphrase_in(kept), f"the passphrase in {kept}")
        if address_of(key) != address:
            raise KeystoreError(f"{self._file(name)} holds the key of another wallet than it says")
        return key

    def _file(self, name: str) -> Path:
        return self._folder / f"{name}.json"

    def _passphrase_file(self, name: str) -> Path:
        return self._folder / f"{name}.passphrase"

    def _make_folder(self) -> None:
        try:
            self._folder.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
            mode = self._folder.stat().st_mode
        except OSError as error:
            raise KeystoreError(f"{self._folder} cannot be made: {error.strerror}") from None
        if mode & 0o077:
            raise KeystoreError(f"{self._folder} can be entered by others: chmod 700")

    def _write(self, path: Path, text: str) -> None:
        """The whole file or none, and never over another."""
        part = self._folder / f".{path.name}.{secrets.token_hex(4)}"
        try:
            descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, FILE_MODE)
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            os.link(part, path)
        except OSError as error:
            raise KeystoreError(f"{path}: {error.strerror}; nothing that exists is written over") from None
        finally:
            part.unlink(missing_ok=True)


def read_key(text: str) -> bytes:
    """A private key as wallets show it: 64 hexadecimal digits. Raises: KeystoreError, without quoting any of it."""
    found = KEY.fullmatch(text.strip())
    key = bytes.fromhex(found[1]) if found else b""
    if not 0 < int.from_bytes(key, "big") < GROUP_ORDER:
        raise KeystoreError("that is no private key: 64 hexadecimal digits are one")
    return key


def address_of(key: bytes) -> str:
    """The wallet of a private key."""
    return address_of_key(PrivateKey(key).public_key)
