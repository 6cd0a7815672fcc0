"""What a keystore demands of the machine that opens it, looked at before anything is computed.

A keystore comes from elsewhere, and names itself how much memory and time its passphrase costs.
Source: https://ethereum.org/developers/docs/data-structures-and-encoding/web3-secret-storage
"""

from collections.abc import Mapping
from typing import Any

CIPHER, DIGEST = "aes-128-ctr", "hmac-sha256"
# The first half of what is derived opens the key, the second proves the passphrase.
DERIVED_BYTES = range(32, 65)
# geth's usual keystore takes 256 MiB (n 262144, r 8, p 1), and 262,144 rounds of PBKDF2.
MOST_MEMORY = 512 * 1024**2
MOST_BLOCKS = 4 * 262_144 * 8
MOST_ROUNDS = 10_000_000


def fault_in(crypto: object) -> str:
    """Why a keystore's `crypto` is not even tried, in words; empty where it may be."""
    if not isinstance(crypto, Mapping):
        return "its crypto is no object"
    if crypto.get("cipher") != CIPHER:
        return f"its cipher is not {CIPHER}"
    terms, kinds = crypto.get("kdfparams"), {"scrypt": _of_scrypt, "pbkdf2": _of_pbkdf2}
    kind = crypto.get("kdf")
    if not isinstance(kind, str) or kind not in kinds or not isinstance(terms, Mapping):
        return "its kdf is neither scrypt nor pbkdf2"
    if not _is_whole(terms.get("dklen")) or terms["dklen"] not in DERIVED_BYTES:
        return f"its dklen is not between {DERIVED_BYTES[0]} and {DERIVED_BYTES[-1]}"
    return kinds[kind](terms)


def _of_scrypt(terms: Mapping[str, Any]) -> str:
    n, r, p = (terms.get(name, 0) for name in "nrp")
    if not (_is_whole(n) and _is_whole(r) and _is_whole(p)) or n < 2 or n & (n - 1):
        return "its n, r and p are not whole numbers above zero, n a power of two"
    if 128 * n * r > MOST_MEMORY:
        return f"it wants more than {MOST_MEMORY // 1024**2} MiB of memory"
    return "it wants too much time (n r p)" if n * r * p > MOST_BLOCKS else ""


def _of_pbkdf2(terms: Mapping[str, Any]) -> str:
    if terms.get("prf") != DIGEST:
        return f"its prf is not {DIGEST}"
    rounds = terms.get("c", 0)
    if not _is_whole(rounds):
        return "its c is no whole number above zero"
    return "it wants too much time (c)" if rounds > MOST_ROUNDS else ""


def _is_whole(value: Any) -> bool:
    return type(value) is int and value > 0
