"""Uses up nonces that nobody needs any more, so that later ones of the wallet get their turn.

An order that ran out of time is free at once; its nonce is held until a transaction that does nothing, or its own
that reverts, is final. Gaps, which only a damaged database can have, are filled the same way.
"""

import logging
from collections.abc import Sequence
from uuid import UUID

from django.db import connection, transaction

from dex import DexError, Engine, NoopIntent, Receipt, RetryableError, SignedTransaction, Standing
from orders.config import Policy
from orders.models import new_id
from orders.services.audit import record_signatures
from orders.services.signed import OpenHold, add_signed, close_submissions, load_open_holds
from orders.services.silence import MAX_TRANSACTIONS, sign_again, stuck_after_s
from orders.services.submit import broadcast
from orders.services.wallets import lock_wallets_whatever

logger = logging.getLogger(__name__)

# Gaps that are filled at once, per wallet.
MAX_GAPS = 100
BATCH = 500
# Orders that ended a moment ago settle their own hold in the same transaction; these did not.
_ENDED = """s.id = ANY(ARRAY(
    SELECT h.id FROM orders_submission h LEFT JOIN orders_order o ON o.id = h.order_id
    WHERE h.closed_at IS NULL AND (h.order_id IS NULL OR o.status IN ('CONFIRMED', 'FAILED'))
    ORDER BY h.wallet_id, h.nonce LIMIT %s))"""


def clear_nonces(engine: Engine, policy: Policy) -> int:
    """One step for each open hold without a live order: close it when its nonce is used, else see that it will be.

    How many of them are left. A chain that cannot be reached is asked again at the next call.
    """
    holds = load_open_holds(_ENDED, str(BATCH))
    if not holds:
        return 0
    try:
        standing = engine.standing(sorted({hold.address for hold in holds}))
        receipts = engine.receipts([item.signed.tx_hash for hold in holds for item in hold.transactions])
    except RetryableError:
        return len(holds)
    used = [hold for hold in holds if standing.final_nonces[hold.address] > hold.nonce]
    _check_nothing_swapped(used, [receipt for receipt in receipts if receipt is not None])
    left = [hold for hold in holds if hold not in used]
    stuck_s = stuck_after_s(engine, policy)
    wanted = [hold for hold in left if not hold.has_noop or _is_stuck(hold, standing, stuck_s)]
    new = _fillers(wanted, engine)
    with transaction.atomic():
        close_submissions([hold.submission_id for hold in used])
        add_signed((submission_id, item, True) for submission_id, item in new.items())
        record_signatures(new.values())
    broadcast([new.get(hold.submission_id, hold.newest.signed) for hold in left], engine)
    return len(left)


def _fillers(holds: Sequence[OpenHold], engine: Engine) -> dict[UUID, SignedTransaction]:
    """A transaction that uses up each hold's nonce, by submission; none while the chain says no fees to bid."""
    if not holds:
        return {}
    try:
        suggested = engine.prepare()
    except RetryableError:
        return {}
    signed = [(hold.submission_id, sign_again(hold, True, suggested, engine)) for hold in holds]
    return {submission_id: item for submission_id, item in signed if isinstance(item, SignedTransaction)}


def fill_gaps(wallet_id: int, address: str, from_nonce: int, engine: Engine) -> list[int]:
    """Store a transaction that does nothing for each nonce from `from_nonce` on that was handed out and is nowhere.

    The nonces filled. `clear_nonces` sends them and sees them through. Raises: RetryableError.
    """
    fees = engine.prepare()
    with transaction.atomic():
        next_nonce = lock_wallets_whatever([wallet_id])[wallet_id]
        missing = _missing(wallet_id, from_nonce, next_nonce)
        answers = engine.build([NoopIntent(address, nonce, fees) for nonce in missing])
        signed = [(new_id(), item) for item in answers if not isinstance(item, DexError)]
        with connection.cursor() as cursor:
            cursor.executemany(
                "INSERT INTO orders_submission (id, wallet_id, nonce) VALUES (%s, %s, %s)",
                [(submission_id, wallet_id, item.nonce) for submission_id, item in signed],
            )
        add_signed((submission_id, item, True) for submission_id, item in signed)
        record_signatures(item for _, item in signed)
    for _, item in signed:
        logger.error("nonce %d of %s was handed out and is nowhere: filled", item.nonce, address)
    return [item.nonce for _, item in signed]


def _missing(wallet_id: int, from_nonce: int, next_nonce: int) -> list[int]:
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT n FROM generate_series(%s::bigint, %s::bigint - 1) n
            WHERE NOT EXISTS (SELECT FROM orders_submission s WHERE s.wallet_id = %s AND s.nonce = n)
            ORDER BY n LIMIT %s
            """,
            [from_nonce, next_nonce, wallet_id, MAX_GAPS],
        )
        return [int(row[0]) for row in cursor.fetchall()]


def _is_stuck(hold: OpenHold, standing: Standing, stuck_s: float) -> bool:
    is_in_turn = standing.next_nonces[hold.address] == hold.nonce
    return is_in_turn and hold.newest.age_s >= stuck_s and len(hold.transactions) <= MAX_TRANSACTIONS


def _check_nothing_swapped(used: Sequence[OpenHold], receipts: Sequence[Receipt]) -> None:
    """An ended order's swap that executed after all is an incident; nothing here may ever let it happen."""
    swapped = {receipt.tx_hash for receipt in receipts if receipt.is_success and receipt.amount_out}
    for hold in used:
        if any(item.signed.tx_hash in swapped for item in hold.transactions):
            logger.critical("order %s had ended, yet its swap executed at nonce %d", hold.order_id, hold.nonce)
