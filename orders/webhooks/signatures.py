"""Secrets of webhooks: made, stored encrypted, and used to sign as Standard Webhooks says.

An engine must have a secret's text to sign with it, so a digest is not enough. It is encrypted with a key from
SECRET_KEY, and read with that or one from SECRET_KEY_FALLBACKS, so that neither a copy of the database nor a page of
the admin is enough to forge a message; bound to its webhook's id, so that no row can be given the secret of another.
"""

import secrets
from base64 import b64decode, b64encode
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime
from functools import cache
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.utils.crypto import salted_hmac
from standardwebhooks import Webhook as Signer

from orders.config import secret_keys

# Another one for each form of what is stored.
PURPOSE = "orders.webhooks.signatures/1"
SECRET_BYTES, NONCE_BYTES = 32, 12


class UnreadableSecret(Exception):
    """A stored secret was encrypted with a key that is neither SECRET_KEY nor one of SECRET_KEY_FALLBACKS."""


def new_secret() -> str:
    """`whsec_` and base64, as the libraries of receivers take it."""
    return "whsec_" + b64encode(secrets.token_bytes(SECRET_BYTES)).decode()


def encrypt(secret: str, webhook_id: UUID) -> str:
    """A secret as its row holds it."""
    nonce = secrets.token_bytes(NONCE_BYTES)
    return b64encode(nonce + _cipher(secret_keys()[0]).encrypt(nonce, secret.encode(), webhook_id.bytes)).decode()


def decrypt(stored: str, webhook_id: UUID) -> str:
    """The text of a stored secret. Raises: UnreadableSecret."""
    try:
        sealed = b64decode(stored, validate=True)
    except ValueError:
        sealed = b""
    nonce, text = sealed[:NONCE_BYTES], sealed[NONCE_BYTES:]
    for key in secret_keys():
        with suppress(InvalidTag, ValueError):
            return _cipher(key).decrypt(nonce, text, webhook_id.bytes).decode()
    raise UnreadableSecret("the secret cannot be read with this SECRET_KEY")


def encrypt_again(stored: str, webhook_id: UUID) -> str | None:
    """The same secret, encrypted with the newest key; None for one that cannot be read."""
    try:
        return encrypt(decrypt(stored, webhook_id), webhook_id)
    except UnreadableSecret:
        return None


def signed_headers(texts: Sequence[str], message_id: str, at: datetime, body: str) -> dict[str, str]:
    """The three headers of Standard Webhooks, with a signature by each secret; `at` is in UTC."""
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": " ".join(Signer(text).sign(message_id, at, body) for text in texts),
    }


@cache
def _cipher(secret: str) -> AESGCM:
    return AESGCM(salted_hmac(PURPOSE, "", secret=secret, algorithm="sha256").digest())
