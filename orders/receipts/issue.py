"""Receipts as they are given: made and signed when they are asked for first, stored, and the same from then on."""

import logging
from contextlib import suppress
from functools import cache
from pathlib import Path
from uuid import UUID

from django.db import connection, transaction
from django.db.models.functions import Now

from orders.audit.record import Actor, Entry, record
from orders.config import receipt_key_file
from orders.models import Account, Order, Receipt, ReceiptKey, Submission
from orders.problems import Problem, ProblemError
from orders.receipts.content import CONTENT
from orders.receipts.document import signed
from orders.receipts.keys import (
    PrivateKey,
    PublicKey,
    ReceiptKeyError,
    from_text,
    make_private_key,
    read_private_key,
    to_text,
)
from orders.selectors import find_order
from orders.states import is_terminal

logger = logging.getLogger(__name__)


def receipt_of(account: Account, order_id: UUID) -> bytes:
    """The receipt of an account's order. Raises: ProblemError, also for an order that may still change."""
    if (given := _given(account, order_id)) is not None:
        return given
    _require_settled(find_order(account, order_id))
    key = _signing_key()
    register(key.public)
    with transaction.atomic():
        # Read again, and locked: by the check its last fee is in the row, and no archive takes rows from under it.
        order = find_order(account, order_id, lock=True)
        document = signed(CONTENT.render(order), key).decode()
        with connection.cursor() as cursor:
            cursor.execute(_GIVE, [order.id, account.id, document, key.public.key_id])
    given = _given(account, order_id)
    if given is None:
        raise ProblemError(_retired(key.public))
    return given


def _given(account: Account, order_id: UUID) -> bytes | None:
    found = Receipt.objects.filter(pk=order_id, account=account).values_list("document", flat=True).first()
    return None if found is None else found.encode()


def _require_settled(order: Order) -> None:
    """Raises: ProblemError as long as a fee may still be added to it."""
    if not is_terminal(order.status):
        raise ProblemError(Problem("receipt_not_ready", f"the order is {order.status}: a receipt is given at its end"))
    whose = Submission.objects.filter(order=order) | Submission.objects.filter(order__parent=order)
    if whose.filter(closed_at__isnull=True).exists():
        detail = "the order has ended, and a nonce that it holds is not used yet: what that costs is not known"
        raise ProblemError(Problem("receipt_not_ready", detail))


# What was given first stays, and a key that is retired signs nothing.
_GIVE = """
    INSERT INTO orders_receipt (order_id, account_id, key_id, document)
    SELECT %s::uuid, %s::bigint, key_id, %s::text FROM orders_receiptkey
    WHERE key_id = %s AND retired_at IS NULL
    ON CONFLICT (order_id) DO NOTHING
"""
_REGISTER = "INSERT INTO orders_receiptkey (key_id, public) VALUES (%s, %s) ON CONFLICT (key_id) DO NOTHING"


# --- Keys ------------------------------------------------------------------------------------------------------------


def published_keys() -> list[PublicKey]:
    """Every key that has ever signed here, the retired ones too, oldest first; and the one that signs next."""
    rows = ReceiptKey.objects.values_list("public", flat=True)
    keys = {key.key_id: key for key in (_public(text) for text in rows)}
    if path := receipt_key_file():
        with suppress(ReceiptKeyError):  # strangers ask here: it is logged when a receipt is asked for
            own = read_private_key(Path(path)).public
            keys[own.key_id] = own
    return list(keys.values())


def register(key: PublicKey) -> None:
    """Publish a key for good."""
    with connection.cursor() as cursor:
        cursor.execute(_REGISTER, [key.key_id, to_text(key.raw)])


def ensure_key(path: Path) -> PublicKey | None:
    """Make the file of a key where there is none; the new key, None where there is one. Raises: ReceiptKeyError."""
    try:
        key = make_private_key(path)
    except FileExistsError:
        read_private_key(path)
        return None
    register(key.public)
    return key.public


def rotate_key(path: Path, actor: Actor) -> tuple[PublicKey | None, PublicKey]:
    """Have a new key sign from now on; the one before, if there was one, and the new one.

    Published first: no receipt is ever given whose key is not listed. A process that ends half-way leaves a file whose
    key is retired, which signs nothing; again does no harm. Raises: ReceiptKeyError.
    """
    before = read_private_key(path).public if path.exists() else None
    draft = path.with_name(f"{path.name}.new")
    draft.unlink(missing_ok=True)
    try:
        key = make_private_key(draft).public
    except FileExistsError as error:
        raise ReceiptKeyError(f"{draft} is there already: does another one rotate the key?") from error
    with transaction.atomic():
        if before is not None:
            register(before)  # one that has signed nothing yet must not come back either
            ReceiptKey.objects.filter(pk=before.key_id, retired_at__isnull=True).update(retired_at=Now())
        register(key)
        record(actor, [Entry("receipt_key.rotate", f"receipt-key:{key.key_id}", before and {"key": before.key_id})])
    draft.replace(path)
    return before, key


def _signing_key() -> PrivateKey:
    """Read at each use: a key that was rotated signs from then on. Raises: ProblemError."""
    path = receipt_key_file()
    if not path:
        raise ProblemError(Problem("no_receipt_key", "no key for receipts is named here"))
    try:
        return read_private_key(Path(path))
    except ReceiptKeyError as error:
        _say_once(str(error))
        raise ProblemError(
            Problem("no_receipt_key", "the key for receipts cannot be used; the log says why")
        ) from error


@cache
def _say_once(why: str) -> None:
    """In the log of this process: callers have no use for the names of files, and ask again."""
    logger.error("no receipt is signed: %s", why)


def _retired(key: PublicKey) -> Problem:
    hint = "Put the new key file in place of the old one on each machine"
    return Problem("no_receipt_key", f"the key {key.key_id} is retired: it signs no more", hint)


def _public(text: str) -> PublicKey:
    return PublicKey.of(from_text(text, 32))
