"""The stored bytes of claimed orders: read by hash, and marked when they were handed to the chain."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from django.db import connection

from dex import SignedTransaction
from orders.recordset import hash_array, id_array, recordset
from orders.services.claim import ClaimedOrder


@dataclass(frozen=True, slots=True)
class Stored:
    """A signed transaction as its row holds it. `resent_s` (unix seconds) is None until it was sent again."""

    submission_id: UUID
    signed: SignedTransaction
    resent_s: int | None
    mined_block: int | None
    mined_hash: str | None


def load_signed(orders: Sequence[ClaimedOrder]) -> dict[UUID, Stored]:
    """Each order's open signed transaction, by order id."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT s.order_id, s.id, w.chain_id, w.address, s.nonce, t.raw, t.tx_hash, t.deadline,
                   extract(epoch FROM t.resent_at)::bigint,
                   t.mined_block, t.mined_hash
            FROM orders_signedtransaction t
            JOIN orders_submission s ON s.id = t.submission_id
            JOIN orders_wallet w ON w.id = s.wallet_id
            WHERE t.tx_hash = ANY(%s::text[]) AND s.closed_at IS NULL
            """,
            [hash_array(order.tx_hash for order in orders if order.tx_hash)],
        )
        return {
            order_id: Stored(
                submission_id,
                SignedTransaction(chain_id, address, nonce, bytes(raw), tx_hash, deadline),
                resent_s,
                *mined,
            )
            for (
                order_id, submission_id, chain_id, address, nonce, raw, tx_hash, deadline, resent_s, *mined,
            ) in cursor.fetchall()
        }  # fmt: skip


def mark_resent(tx_hashes: Sequence[str]) -> None:
    """Note that the bytes were handed to the chain again, whatever it answered."""
    if tx_hashes:
        with connection.cursor() as cursor:
            cursor.execute(
                "UPDATE orders_signedtransaction SET resent_at = now(), resend_count = resend_count + 1"
                " WHERE tx_hash = ANY(%s::text[])",
                [hash_array(tx_hashes)],
            )


def mark_mined(seen: Sequence[tuple[str, int | None, str | None]]) -> None:
    """Note (hash, block, block hash) of inclusions that are not final yet, None for those that a reorg took back."""
    if seen:
        with connection.cursor() as cursor:
            cursor.execute(
                """
                UPDATE orders_signedtransaction t SET mined_block = v.block, mined_hash = v.block_hash
                FROM jsonb_to_recordset(%s::jsonb) AS v(tx_hash text, block bigint, block_hash text)
                WHERE t.tx_hash = v.tx_hash
                """,
                [
                    recordset(
                        {"tx_hash": tx, "block": block, "block_hash": block_hash} for tx, block, block_hash in seen
                    )
                ],
            )


def close_submissions(submission_ids: Sequence[UUID]) -> None:
    """Release the orders' hold on their nonces: the chain's answer is final."""
    if submission_ids:
        with connection.cursor() as cursor:
            cursor.execute(
                "UPDATE orders_submission SET closed_at = now() WHERE id = ANY(%s::uuid[])", [id_array(submission_ids)]
            )
