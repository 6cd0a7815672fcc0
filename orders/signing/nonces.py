"""Consumes nonces that no order needs any more, so that later ones of the wallet get their turn.

An order that ran out of time is free at once; its nonce is held until a cancellation transaction, or its own that
reverts, is final. Gaps, which only a damaged database can have, are filled the same way.
"""

import logging
from collections.abc import Mapping, Sequence
from uuid import UUID

from django.db import connection, transaction

from dex import CancellationIntent, DexError, Engine, FeeStrategy, Receipt, RetryableError, SignedTransaction, Standing
from dex.chains.capabilities import CrossChecksNodes
from orders.audit.record import record_signatures
from orders.config import Policy
from orders.models import new_id
from orders.risk.day_fees import settle_fees
from orders.signing.broadcast import broadcast
from orders.signing.replacement import MAX_TRANSACTIONS, sign_again, stuck_after_s
from orders.signing.submissions import OpenSubmission, add_signed, close_ended, load_open_submissions
from orders.signing.wallets import lock_all_wallets

logger = logging.getLogger(__name__)

# Gaps that are filled at once, per wallet.
MAX_GAPS = 100
BATCH = 500
# Orders that ended a moment ago settle their own submission in the same transaction; these did not.
_ENDED = """s.id = ANY(ARRAY(
    SELECT h.id FROM orders_submission h JOIN orders_wallet x ON x.id = h.wallet_id
    LEFT JOIN orders_order o ON o.id = h.order_id
    WHERE h.closed_at IS NULL AND x.chain_id = %s AND (h.order_id IS NULL OR o.status IN ('CONFIRMED', 'FAILED'))
    ORDER BY h.wallet_id, h.nonce LIMIT %s))"""


def clear_nonces(engine: Engine, policy: Policy) -> int:
    """For each open submission without a live order: close it when its nonce is used, else see that it will be.

    How many of them are left. A chain that cannot be reached is asked again at the next call.
    """
    submissions = load_open_submissions(_ENDED, engine.chain.chain_id, BATCH)
    if not submissions:
        return 0
    try:
        standing = engine.standing(sorted({submission.address for submission in submissions}))
        receipts = _receipts(submissions, engine)
        used = [submission for submission in submissions if standing.is_spent(submission.address, submission.key)]
        unknown = unconfirmed_absences(
            [submission for submission in used if submission.submission_id not in receipts], standing, engine
        )
    except RetryableError:
        return len(submissions)
    # Of one whose receipt may be there after all, or is not final, it is not known yet what it cost.
    unknown |= {one.submission_id for one in used if not _is_final(receipts.get(one.submission_id))}
    closing = [submission for submission in used if submission.submission_id not in unknown]
    _check_nothing_swapped(closing, receipts)
    left = [submission for submission in submissions if submission not in used]
    stuck_s = stuck_after_s(engine, policy)
    wanted = [
        submission for submission in left if not submission.has_cancellation or _is_stuck(submission, standing, stuck_s)
    ]
    new = _fillers(wanted, engine)
    with transaction.atomic():
        settle_fees(
            close_ended({one.submission_id: _fee(one, receipts, engine) for one in closing}, engine.chain.native)
        )
        add_signed((submission_id, item, True) for submission_id, item in new.items())
        record_signatures(new.values())
    broadcast([new.get(submission.submission_id, submission.newest.signed) for submission in left], engine)
    return len(left) + len(unknown)


def unconfirmed_absences(submissions: Sequence[OpenSubmission], standing: Standing, engine: Engine) -> set[UUID]:
    """Those of which other nodes know a transaction after all, or too few of them can tell; by their ids.

    No receipt of them was there just before. Raises: ChainUnavailable.
    """
    chain = engine.chain
    if not submissions or not isinstance(chain, CrossChecksNodes):
        return set()
    owners = [
        (item.signed.tx_hash, submission.submission_id)
        for submission in submissions
        for item in submission.transactions
    ]
    absent = chain.are_absent([tx_hash for tx_hash, _ in owners], standing.final_block)
    return {owner for (_, owner), is_absent in zip(owners, absent, strict=True) if not is_absent}


def _receipts(submissions: Sequence[OpenSubmission], engine: Engine) -> dict[UUID, Receipt]:
    """The receipt of each submission, of whose transactions at most one has one. Raises: ChainUnavailable."""
    owners = [(item.signed.tx_hash, one.submission_id) for one in submissions for item in one.transactions]
    answers = engine.receipts([tx_hash for tx_hash, _ in owners])
    return {owner: receipt for (_, owner), receipt in zip(owners, answers, strict=True) if receipt is not None}


def _is_final(receipt: Receipt | None) -> bool:
    """Whether it may be counted on; none where there is none, of which other nodes were asked."""
    return receipt is None or receipt.is_final


def _fee(submission: OpenSubmission, receipts: Mapping[UUID, Receipt], engine: Engine) -> int | None:
    receipt = receipts.get(submission.submission_id)
    if receipt is None:
        return None
    signed = next(item.signed for item in submission.transactions if item.signed.tx_hash == receipt.tx_hash)
    return engine.fee_paid(signed, receipt)


def _fillers(submissions: Sequence[OpenSubmission], engine: Engine) -> dict[UUID, SignedTransaction]:
    """A cancellation transaction for each open submission; none while the chain states no fees."""
    if not submissions:
        return {}
    try:
        suggested = engine.prepare()[FeeStrategy.NORMAL]
    except RetryableError:
        return {}
    signed = [(submission.submission_id, sign_again(submission, True, suggested, engine)) for submission in submissions]
    return {submission_id: item for submission_id, item in signed if isinstance(item, SignedTransaction)}


def fill_gaps(wallet_id: int, address: str, from_nonce: int, engine: Engine) -> list[int]:
    """Store a cancellation transaction for each nonce from `from_nonce` on that was handed out and is nowhere.

    Those of archived orders, and all before them, were used by final transactions.

    The nonces filled. `clear_nonces` sends them and sees them through. Raises: RetryableError.
    """
    fees = engine.prepare()[FeeStrategy.NORMAL]
    with transaction.atomic():
        next_nonce = lock_all_wallets([wallet_id])[wallet_id]
        missing = _missing(wallet_id, from_nonce, next_nonce)
        answers = engine.build([CancellationIntent(address, nonce, fees) for nonce in missing])
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
            SELECT n FROM generate_series(
                greatest(%s::bigint, (SELECT archived_below FROM orders_wallet WHERE id = %s)), %s::bigint - 1
            ) n WHERE NOT EXISTS (SELECT FROM orders_submission s WHERE s.wallet_id = %s AND s.nonce = n)
            ORDER BY n LIMIT %s
            """,
            [from_nonce, wallet_id, next_nonce, wallet_id, MAX_GAPS],
        )
        return [int(row[0]) for row in cursor.fetchall()]


def _is_stuck(submission: OpenSubmission, standing: Standing, stuck_s: float) -> bool:
    is_in_turn = standing.is_in_turn(submission.address, submission.key)
    return is_in_turn and submission.newest.age_s >= stuck_s and len(submission.transactions) <= MAX_TRANSACTIONS


def _check_nothing_swapped(used: Sequence[OpenSubmission], receipts: Mapping[UUID, Receipt]) -> None:
    """An ended order's swap that executed after all is an incident; nothing here may ever let it happen."""
    for submission in used:
        receipt = receipts.get(submission.submission_id)
        if receipt is not None and receipt.is_success and receipt.amount_out:
            logger.critical(
                "order %s had ended, yet its swap executed at nonce %d", submission.order_id, submission.key
            )
