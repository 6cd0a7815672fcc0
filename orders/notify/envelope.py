"""What goes over the channel layer, with a code that only processes of this engine can make. Pure.

Without it a writer to Redis could invent events, and have rows read for nothing. It does not prevent that a message is
sent a second time: what is in it must do no harm then.
"""

import hmac
from functools import cache
from typing import Any

from django.utils.crypto import salted_hmac

from orders.config import secret_key

# Another one for each shape of the contents: a process of another version ignores what it could not read.
PURPOSE = "orders.notify.envelope/1"
CODE_BYTES = 16


def seal(body: bytes) -> dict[str, Any]:
    """The message that holds a body."""
    return {"type": "order.events", "body": body, "code": _code(body)}


def open_sealed(message: Any) -> bytes | None:
    """The body of a message, None for one that no process of this engine has made."""
    if not isinstance(message, dict):
        return None
    body, code = message.get("body"), message.get("code")
    if not isinstance(body, bytes) or not isinstance(code, bytes):
        return None
    return body if hmac.compare_digest(code, _code(body)) else None


def _code(body: bytes) -> bytes:
    return hmac.digest(_key(secret_key()), body, "sha256")[:CODE_BYTES]


@cache
def _key(secret: str) -> bytes:
    return salted_hmac(PURPOSE, "", secret=secret, algorithm="sha256").digest()
