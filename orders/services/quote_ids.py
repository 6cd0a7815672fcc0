"""Quote ids: what an order names to be executed within a quote's limit or not at all. Nothing is stored for a quote.

An id holds the quote's expiry and its limit, and a code over both, its account, pair, side and amount. So any web
process with the same SECRET_KEY can judge one, and an id of another account, or an invented one, fits no order.
"""

import base64
import binascii
import hmac
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import NamedTuple

import orjson
from django.utils.crypto import salted_hmac

from dex import Quote, Side
from orders.config import secret_keys
from orders.event_log.event import timestamp
from orders.problems import FieldError, Problem, ProblemError
from orders.selectors import database_time_ms
from orders.terms import NewOrder

# Another one for each form of the contents.
VERSION, PURPOSE = "q1.", "orders.services.quote_ids/1"
TIME_BYTES, CODE_BYTES = 6, 16
Clock = Callable[[], int]
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Promise(NamedTuple):
    """What a quote id says: until when it may be named (Unix milliseconds), and the limit in atoms.

    The limit is the least output of a sale (exact_in), the most input of a purchase.
    """

    expires_ms: int
    limit: int


def quote_id(account_id: int, new: NewOrder, quote: Quote, expires_ms: int) -> str:
    """The id of an account's quote for an order, URL-safe, of at most 78 characters."""
    promise = Promise(expires_ms, quote.min_amount_out if new.side is Side.EXACT_IN else quote.max_amount_in)
    limit = promise.limit.to_bytes((promise.limit.bit_length() + 7) // 8)
    packed = expires_ms.to_bytes(TIME_BYTES) + _code(_keys()[0], account_id, new, promise) + limit
    return VERSION + base64.urlsafe_b64encode(packed).rstrip(b"=").decode()


def within_quote(new: NewOrder, named: str, account_id: int, now_ms: Clock | None = None) -> NewOrder:
    """The order under the limit of the quote that it names, or under its own where that is stricter.

    By the database's clock, which `now_ms` reads where it is read for several orders at once.
    Raises: ProblemError for a quote of something else, one that has expired, or an order type that has no quote.
    """
    if new.order_type != "market":
        raise _refusal("fields_conflict", f"a quote is for a market order, not for one of type {new.order_type}")
    promise = _read(named, account_id, new)
    if promise is None:
        raise _refusal("quote_mismatch", "no quote of yours for this pair, side and amount has this id")
    if (now_ms or database_time_ms)() >= promise.expires_ms:
        expired_at = text_of_ms(promise.expires_ms)
        raise _refusal("quote_expired", f"the quote could be named until {expired_at}", expired_at=expired_at)
    terms = new.terms
    if new.side is Side.EXACT_IN:
        terms = replace(terms, min_amount_out=max(promise.limit, terms.min_amount_out or 0))
    else:
        most = terms.max_amount_in
        terms = replace(terms, max_amount_in=promise.limit if most is None else min(promise.limit, most))
    return replace(new, terms=terms)


def text_of_ms(ms: int) -> str:
    """Unix milliseconds as RFC 3339 text."""
    return timestamp(_EPOCH + timedelta(milliseconds=ms))


def _read(named: str, account_id: int, new: NewOrder) -> Promise | None:
    """What the id says, None for one that this engine has not made for such an order of this account."""
    version, text = named[: len(VERSION)], named[len(VERSION) :]
    try:
        packed = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        return None
    head = TIME_BYTES + CODE_BYTES
    promise = Promise(int.from_bytes(packed[:TIME_BYTES]), int.from_bytes(packed[head:]))
    code = packed[TIME_BYTES:head]
    known = any(hmac.compare_digest(code, _code(key, account_id, new, promise)) for key in _keys())
    return promise if known and version == VERSION else None


def _code(key: bytes, account_id: int, new: NewOrder, promise: Promise) -> bytes:
    stated = [account_id, new.chain_id, new.token_in, new.token_out, new.side, str(new.amount)]
    body = orjson.dumps([*stated, promise.expires_ms, str(promise.limit)])
    return hmac.digest(key, body, "sha256")[:CODE_BYTES]


def _keys() -> list[bytes]:
    return [_key(secret) for secret in secret_keys()]


@cache
def _key(secret: str) -> bytes:
    return salted_hmac(PURPOSE, "", secret=secret, algorithm="sha256").digest()


def _refusal(code: str, detail: str, **facts: str) -> ProblemError:
    return ProblemError(Problem(code, detail, errors=[FieldError("/quote_id", code, detail)], facts=facts))
