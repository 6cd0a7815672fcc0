"""Keys that sign receipts (Ed25519), their public halves as JSON Web Keys, and the file of the private one.

https://www.rfc-editor.org/rfc/rfc8032, https://www.rfc-editor.org/rfc/rfc8037, https://www.rfc-editor.org/rfc/rfc7638
"""

import hashlib
import os
import stat
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple, Self

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from dex.recorded.canonical import canonical

PUBLIC_BYTES, SIGNATURE_BYTES = 32, 64
LARGEST_FILE = 64 * 1024  # bytes; a key has about 120
READ_BY_OTHERS = stat.S_IRWXG | stat.S_IRWXO


class ReceiptKeyError(Exception):
    """A key that cannot be used; the text names the file and quotes nothing of it."""


class PublicKey(NamedTuple):
    """What checks signatures: 32 bytes, and the thumbprint by which receipts name them."""

    raw: bytes
    key_id: str

    @classmethod
    def of(cls, raw: bytes) -> Self:
        """Raises: ValueError for bytes that are no key."""
        Ed25519PublicKey.from_public_bytes(raw)
        required = canonical({"crv": "Ed25519", "kty": "OKP", "x": to_text(raw)})
        return cls(raw, to_text(hashlib.sha256(required).digest()))

    def has_signed(self, signature: bytes, document: bytes) -> bool:
        """Whether the signature is of this key and these bytes."""
        try:
            Ed25519PublicKey.from_public_bytes(self.raw).verify(signature, document)
        except InvalidSignature:
            return False
        return True

    def jwk(self) -> dict[str, str]:
        """As a JSON Web Key."""
        return {
            "kty": "OKP",
            "crv": "Ed25519",
            "x": to_text(self.raw),
            "kid": self.key_id,
            "use": "sig",
            "alg": "EdDSA",
        }


class PrivateKey(NamedTuple):
    """What signs. Never shown: its text is that of its public half."""

    secret: Ed25519PrivateKey
    public: PublicKey

    def __repr__(self) -> str:
        return f"PrivateKey({self.public.key_id})"

    def sign(self, document: bytes) -> bytes:
        """64 bytes, the same for the same document."""
        return self.secret.sign(document)


def read_keys(jwks: Any) -> dict[str, PublicKey]:
    """Ed25519 keys of a JWK set, by id; other kinds of keys are left out. Raises: ValueError for what is no set."""
    if not isinstance(jwks, Mapping) or not isinstance(jwks.get("keys"), list):
        raise ValueError("it is no JWK set: there is no list `keys`")
    found = {}
    for jwk in jwks["keys"]:
        if not isinstance(jwk, Mapping) or jwk.get("kty") != "OKP" or jwk.get("crv") != "Ed25519":
            continue
        key = PublicKey.of(from_text(jwk.get("x"), PUBLIC_BYTES))
        # A key that is listed under the name of another must not be taken for that.
        if jwk.get("kid") not in {None, key.key_id}:
            raise ValueError(f"the key {jwk.get('kid')!r} is not named by its RFC 7638 thumbprint, {key.key_id}")
        found[key.key_id] = key
    return found


def jwk_set(keys: Iterable[PublicKey]) -> dict[str, Any]:
    """Public keys as they are published (RFC 7517)."""
    return {"keys": [key.jwk() for key in keys]}


def to_text(raw: bytes) -> str:
    """Base64url without padding."""
    return urlsafe_b64encode(raw).rstrip(b"=").decode()


def from_text(text: Any, length: int) -> bytes:
    """Inverse of `to_text`, of this many bytes. Raises: ValueError, also for another text of the same bytes."""
    if not isinstance(text, str):
        raise ValueError("it is no base64url text")
    raw = urlsafe_b64decode(text + "=" * (-len(text) % 4))
    if len(raw) != length or to_text(raw) != text:
        raise ValueError(f"it is not the base64url text of {length} bytes")
    return raw


def read_private_key(path: Path) -> PrivateKey:
    """The key in a file that only its owner may read. Raises: ReceiptKeyError."""
    try:
        descriptor = os.open(path, os.O_RDONLY)
        with os.fdopen(descriptor, "rb") as file:
            mode = os.fstat(descriptor).st_mode
            if not stat.S_ISREG(mode):
                raise ReceiptKeyError(f"{path} is no file")
            if mode & READ_BY_OTHERS:
                raise ReceiptKeyError(f"{path} can be read by others: chmod 600 {path}")
            pem = file.read(LARGEST_FILE)
    except OSError as error:
        raise ReceiptKeyError(f"{path} cannot be read: {error.strerror}") from None
    try:
        secret = load_pem_private_key(pem, None)
    except (ValueError, TypeError):
        raise ReceiptKeyError(f"{path} holds no unencrypted private key in PEM") from None
    if not isinstance(secret, Ed25519PrivateKey):
        raise ReceiptKeyError(f"{path} holds no Ed25519 key")
    return _private(secret)


def make_private_key(path: Path) -> PrivateKey:
    """A new key in a file that only its owner may read, on disk for good; no file that is there is written over.

    Raises: ReceiptKeyError, FileExistsError.
    """
    key = _private(Ed25519PrivateKey.generate())
    pem = key.secret.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    draft = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(pem)
            file.flush()
            os.fsync(descriptor)
        path.hardlink_to(draft)  # unlike a rename it replaces nothing
        draft.unlink()
    except FileExistsError:
        draft.unlink(missing_ok=True)
        raise
    except OSError as error:
        draft.unlink(missing_ok=True)
        raise ReceiptKeyError(f"{path} cannot be written: {error.strerror}") from None
    return key


def _private(secret: Ed25519PrivateKey) -> PrivateKey:
    raw = secret.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    return PrivateKey(secret, PublicKey.of(raw))
