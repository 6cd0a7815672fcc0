"""Encrypted keystores of version 3 as files (Web3 Secret Storage): read in full or refused in words.

Every fault of a file raises a KeystoreError that names the file and quotes nothing of it.
Source: https://ethereum.org/developers/docs/data-structures-and-encoding/web3-secret-storage
"""

import json
import os
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from coincurve import PrivateKey, PublicKey
from eth_account import Account
from eth_hash.auto import keccak

from dex.signers.keystore_terms import fault_in

# Python's own. A package below eth_account, py_ecc, raises it to 100,000 calls for curves that are not used here; at
# that depth nested input kills the process instead of being refused.
sys.setrecursionlimit(1_000)

# The order of secp256k1's group. Source: https://www.secg.org/sec2-v2.pdf, section 2.4.1.
GROUP_ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
KEY_BYTES = 32
VERSION, BLS_VERSION = 3, 4
LARGEST_FILE = 64 * 1024  # bytes; a keystore has less than one thousand

_ADDRESS = re.compile(r"(?:0[xX])?([0-9a-fA-F]{40})")


class KeystoreError(Exception):
    """The keystore cannot be used; the message holds no secret."""


def read_keystore(path: Path) -> dict[str, Any]:
    """The fields of a keystore of version 3, their names in lower case. Raises: KeystoreError."""
    try:
        if not path.is_file():
            kind = "it is no file" if os.path.lexists(path) else "there is no such file"
            raise KeystoreError(f"{path} cannot be read: {kind}")
        if path.stat().st_size > LARGEST_FILE:
            raise KeystoreError(f"{path} is no keystore: it is larger than {LARGEST_FILE} bytes")
        described = json.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError, RecursionError) as error:
        raise KeystoreError(f"{path} cannot be read: {type(error).__name__}") from None
    if not isinstance(described, Mapping):
        raise KeystoreError(f"{path} is no keystore: its JSON is no object")
    fields: dict[str, Any] = _lowered(described)
    _check_version(path, fields)
    return fields


def _lowered(value: Any) -> Any:
    """With all names in lower case, as some wallets do not write them."""
    return {name.lower(): _lowered(inner) for name, inner in value.items()} if isinstance(value, Mapping) else value


def address_in(path: Path) -> str:
    """The address that a keystore says it is of, in lower case. Raises: KeystoreError."""
    stated = read_keystore(path).get("address")
    if stated is None or stated == "":
        raise KeystoreError(f"{path} does not say its address: import it under a name of its own")
    return _address(path, stated)


def open_json(path: Path, passphrase: str, opener: str = "the passphrase") -> bytes:
    """The private key in a keystore that some wallet has written, 32 bytes; `opener` names the passphrase in the error.

    Some wallets leave zeros in front of a key away. Raises: KeystoreError.
    """
    key = private_key(path, open_secret(path, passphrase, opener))
    stated = read_keystore(path).get("address")
    if stated and _address(path, stated) != address_of_key(PrivateKey(key).public_key):
        raise KeystoreError(f"{path} holds the key of another wallet than it says")
    return key


def open_secret(path: Path, passphrase: str, opener: str) -> bytes:
    """The bytes in a keystore as they are. Raises: KeystoreError, also where it costs more than it may."""
    fields = read_keystore(path)
    if fault := fault_in(fields.get("crypto")):
        raise KeystoreError(f"{path} cannot be decrypted: {fault}")
    try:
        return bytes(Account.decrypt(fields, passphrase))
    except ValueError as error:
        if "MAC mismatch" in str(error):
            # Without the cause, which may quote what it was given.
            raise KeystoreError(f"{opener} does not open {path}") from None
        raise KeystoreError(f"{path} cannot be decrypted: {type(error).__name__}") from None
    except (
        LookupError,
        TypeError,
        AttributeError,
        AssertionError,
        ArithmeticError,
        MemoryError,
        NotImplementedError,
    ) as error:
        raise KeystoreError(f"{path} cannot be decrypted: {type(error).__name__}") from None


def private_key(path: Path, secret: bytes) -> bytes:
    """What a keystore holds as a private key of 32 bytes. Raises: KeystoreError where it can be none."""
    if not 0 < len(secret) <= KEY_BYTES:
        raise KeystoreError(f"{path} holds no private key: it has {len(secret)} bytes, a key has {KEY_BYTES}")
    if not 0 < int.from_bytes(secret, "big") < GROUP_ORDER:
        raise KeystoreError(f"{path} holds no private key: the number in it is zero or beyond the curve's order")
    return secret.rjust(KEY_BYTES, b"\0")


def address_of_key(key: PublicKey) -> str:
    """The last 20 bytes of the hash of the public point, in lower case. Source: Ethereum Yellow Paper, appendix F."""
    return "0x" + keccak(key.format(compressed=False)[1:])[-20:].hex()


def _check_version(path: Path, fields: Mapping[str, Any]) -> None:
    version = fields.get("version")
    if version == BLS_VERSION or "pubkey" in fields:
        raise KeystoreError(
            f"{path} is a keystore of version {BLS_VERSION} (EIP-2335): a validator's BLS key, which is no wallet's"
        )
    if type(version) is not int or version != VERSION:
        stated = f"of version {version}" if type(version) is int else "of no version that can be read"
        raise KeystoreError(f"{path} is a keystore {stated}: only version {VERSION} is read")


def _address(path: Path, stated: object) -> str:
    """Raises: KeystoreError for what is no address, and for mixed letters that do not fit its digits (EIP-55)."""
    found = _ADDRESS.fullmatch(stated) if isinstance(stated, str) else None
    if found is None:
        raise KeystoreError(f"{path} says an address that is none")
    digits = found[1]
    if digits not in (digits.lower(), digits.upper(), _checksummed(digits.lower())):
        raise KeystoreError(f"{path} says an address whose upper and lower case do not fit: a digit of it may be wrong")
    return "0x" + digits.lower()


def _checksummed(digits: str) -> str:
    """With the upper case that EIP-55 gives them. Source: https://eips.ethereum.org/EIPS/eip-55."""
    marks = keccak(digits.encode()).hex()
    return "".join(digit.upper() if mark > "7" else digit for digit, mark in zip(digits, marks, strict=False))
