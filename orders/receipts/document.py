"""The signed document: canonical JSON whose member `signature` signs all the others.

{"format": "order-receipt/1", "key_id": ..., "order": {...}, ..., "signature": ...}

The signature is of the canonical bytes of the document without it; the file is the canonical bytes of all of it, and
nothing else: every byte of it counts.
"""

from collections.abc import Mapping
from typing import Any

from dex.recorded.canonical import SAFE, RecordError, canonical, read_canonical
from orders.receipts.keys import SIGNATURE_BYTES, PrivateKey, PublicKey, from_text, to_text

FORMAT = "order-receipt/1"


class ReceiptError(ValueError):
    """A receipt that does not hold; the text says why."""


class UnknownKey(ReceiptError):
    """A receipt whose key is not among those that are trusted."""


def signed(content: Mapping[str, Any], key: PrivateKey) -> bytes:
    """The file of a receipt."""
    document = {"format": FORMAT, "key_id": key.public.key_id, **_exact(content)}
    return canonical({**document, "signature": to_text(key.sign(canonical(document)))})


def verified(file: bytes, keys: Mapping[str, PublicKey]) -> dict[str, Any]:
    """What a receipt says. Raises: ReceiptError; UnknownKey where only the key is missing."""
    document = read(file)
    key = keys.get(document["key_id"])
    if key is None:
        raise UnknownKey(f"it names the key {document['key_id']}, which is not among those given")
    try:
        signature = from_text(document["signature"], SIGNATURE_BYTES)
    except ValueError as error:
        raise ReceiptError(f"its signature is none: {error}") from error
    said = {name: value for name, value in document.items() if name != "signature"}
    if not key.has_signed(signature, canonical(said)):
        raise ReceiptError("its signature is not that of its key: it was changed after it was signed")
    return said


def read(file: bytes) -> dict[str, Any]:
    """The document, its signature not looked at. Raises: ReceiptError."""
    try:
        document = read_canonical(file)
    except RecordError as error:
        raise ReceiptError(str(error)) from error
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        raise ReceiptError(f"it is no receipt of the form {FORMAT}")
    if not all(isinstance(document.get(name), str) for name in ("key_id", "signature")):
        raise ReceiptError("it names no key or has no signature")
    return document


def _exact(value: Any) -> Any:
    """Whole numbers beyond what every JSON reader keeps become text, as amounts are everywhere."""
    if isinstance(value, Mapping):
        return {name: _exact(inner) for name, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [_exact(inner) for inner in value]
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) > SAFE:
        return str(value)
    return value
