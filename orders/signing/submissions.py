"""The stored bytes of open submissions: read together by order, added to, and marked as the chain answers."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple
from uuid import UUID

from django.db import connection

from dex import Fees, SignedTransaction, Token
from orders.database.recordset import hash_array, id_array, recordset, to_json


class Stored(NamedTuple):
    """A signed transaction as its row holds it. `resent_s` (unix seconds) is None until it was sent again.

    `age_s` is how long ago it was signed.
    """

    signed: SignedTransaction
    is_cancellation: bool
    resent_s: int | None
    age_s: float
    mined_block: int | None
    mined_hash: str | None


@dataclass(frozen=True, slots=True)
class OpenSubmission:
    """A submission, open unless asked for otherwise: one exclusion key, and all that was signed under it, oldest first.

    Whichever of these a block takes decides; no other transaction of ours can have the key.
    """

    submission_id: UUID
    order_id: UUID | None
    wallet_id: int
    account_id: int
    absent_block: int | None
    transactions: tuple[Stored, ...]

    @property
    def newest(self) -> Stored:
        """The one with the highest fees."""
        return self.transactions[-1]

    @property
    def address(self) -> str:
        """The wallet's address."""
        return self.newest.signed.wallet

    @property
    def key(self) -> int:
        """The exclusion key: what the chain executes one transaction under at most."""
        return self.newest.signed.nonce

    @property
    def has_cancellation(self) -> bool:
        """Whether one of them is a cancellation transaction."""
        return any(item.is_cancellation for item in self.transactions)

    @property
    def deadline(self) -> int:
        """Chain time after which no swap of it executes any more."""
        return max((item.signed.deadline for item in self.transactions if not item.is_cancellation), default=0)


def load_submissions(order_ids: Iterable[UUID]) -> dict[UUID, OpenSubmission]:
    """Each order's open submission, by order id."""
    submissions = load_open_submissions("s.order_id = ANY(%s::uuid[])", id_array(order_ids))
    return {submission.order_id: submission for submission in submissions if submission.order_id is not None}


def load_open_submissions(condition: str, *values: str | int) -> list[OpenSubmission]:
    """The open submissions `s` that meet an SQL condition with its parameters."""
    return _load("s.closed_at IS NULL AND " + condition, values)


def load_closed_submissions(wallet_id: int, from_nonce: int, limit: int) -> list[OpenSubmission]:
    """The wallet's closed submissions from a nonce on, lowest first: a final transaction has used each."""
    condition = """s.id = ANY(ARRAY(
        SELECT id FROM orders_submission WHERE wallet_id = %s AND nonce >= %s AND closed_at IS NOT NULL
        ORDER BY nonce LIMIT %s))"""
    return sorted(_load(condition, [wallet_id, from_nonce, limit]), key=lambda submission: submission.key)


def _load(condition: str, values: Sequence[str | int]) -> list[OpenSubmission]:
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            SELECT s.id, s.order_id, s.wallet_id, w.account_id, s.absent_block, w.chain_id, w.address, s.nonce,
                   t.raw, t.tx_hash, t.deadline, t.max_fee, t.priority_fee, t.is_noop,
                   extract(epoch FROM t.resent_at)::bigint, extract(epoch FROM now() - t.created_at)::float8,
                   t.mined_block, t.mined_hash
            FROM orders_submission s
            JOIN orders_signedtransaction t ON t.submission_id = s.id
            JOIN orders_wallet w ON w.id = s.wallet_id
            WHERE {condition}
            ORDER BY t.id
            """,
            values,
        )
        rows = cursor.fetchall()
    found: dict[UUID, tuple[tuple[UUID | None, int, int, int | None], list[Stored]]] = {}
    for submission_id, order_id, wallet_id, account_id, absent, chain_id, address, nonce, raw, tx_hash, *rest in rows:
        deadline, max_fee, priority_fee, *marks = rest
        signed = SignedTransaction(chain_id, address, nonce, bytes(raw), tx_hash, deadline, Fees(max_fee, priority_fee))
        found.setdefault(submission_id, ((order_id, wallet_id, account_id, absent), []))[1].append(
            Stored(signed, *marks)
        )
    return [OpenSubmission(key, *head, tuple(items)) for key, (head, items) in found.items()]


def add_signed(rows: Iterable[tuple[UUID, SignedTransaction, bool]]) -> None:
    """Store (submission, transaction, is_cancellation) before any byte leaves; what is stored stays as it is."""
    written = [
        {
            "submission_id": submission_id,
            "raw": to_json(signed.raw),
            "tx_hash": signed.tx_hash,
            "deadline": signed.deadline,
            "is_noop": is_cancellation,
            "max_fee": signed.fees.max_fee,
            "priority_fee": signed.fees.priority_fee,
        }
        for submission_id, signed, is_cancellation in rows
    ]
    if written:
        with connection.cursor() as cursor:
            cursor.execute(
                """
                INSERT INTO orders_signedtransaction
                    (submission_id, raw, tx_hash, deadline, is_noop, max_fee, priority_fee)
                SELECT * FROM jsonb_to_recordset(%s::jsonb)
                    AS v(submission_id uuid, raw bytea, tx_hash text, deadline bigint, is_noop boolean,
                         max_fee bigint, priority_fee bigint)
                ON CONFLICT (tx_hash) DO NOTHING
                """,
                [recordset(written)],
            )


def mark_resent(tx_hashes: Sequence[str]) -> None:
    """Note that the bytes were handed to the chain again, with any answer."""
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


def mark_absent(looks: Sequence[tuple[UUID, int | None]]) -> None:
    """Note (submission, final block) of a first look that found nothing where nothing can come any more."""
    if looks:
        with connection.cursor() as cursor:
            cursor.execute(
                """
                UPDATE orders_submission s SET absent_block = v.block
                FROM jsonb_to_recordset(%s::jsonb) AS v(id uuid, block bigint) WHERE s.id = v.id
                """,
                [recordset({"id": submission_id, "block": block} for submission_id, block in looks)],
            )


def close_ended(paid: Mapping[UUID, int | None], native: Token) -> list[UUID]:
    """Release the keys of orders that have ended: a final transaction has used them. What it cost, by submission.

    None: it is not ours. What it cost is added to what the orders have paid. The orders, each once, however often and
    from wherever this is called. Needs a transaction.
    """
    if not paid:
        return []
    rows = recordset({"id": key, "fee": to_json(fee)} for key, fee in sorted(paid.items()))
    with connection.cursor() as cursor:
        cursor.execute(
            """
            WITH v AS (
                SELECT * FROM jsonb_to_recordset(%s::jsonb) AS v(id uuid, fee numeric)
            ), closed AS (
                UPDATE orders_submission s SET closed_at = now(), fee_paid = v.fee
                FROM v WHERE s.id = v.id AND s.closed_at IS NULL
                RETURNING s.order_id, v.fee
            ), locked AS MATERIALIZED (
                SELECT id FROM orders_order WHERE id IN (
                    SELECT order_id FROM closed UNION ALL
                    SELECT c.parent_id FROM orders_order c JOIN closed ON c.id = closed.order_id
                    WHERE c.parent_id IS NOT NULL
                ) ORDER BY id FOR NO KEY UPDATE
            )
            UPDATE orders_order o
            SET network_fee_paid = coalesce(o.network_fee_paid + closed.fee, closed.fee, o.network_fee_paid),
                native_token = coalesce(o.native_token, %s), native_decimals = coalesce(o.native_decimals, %s)
            FROM closed JOIN locked ON locked.id = closed.order_id WHERE o.id = closed.order_id
            RETURNING o.id
            """,
            [rows, native.symbol, native.decimals],
        )
        ids = [order_id for (order_id,) in cursor.fetchall()]
        if ids:
            cursor.execute(_ADD_TO_PARENTS, [id_array(ids)])
            ids += [order_id for (order_id,) in cursor.fetchall() if order_id is not None]
        return ids


# A parent that has ended has paid what its children have; it is final when none of them can pay any more.
_ADD_TO_PARENTS = """
    UPDATE orders_order p
    SET network_fee_paid = (SELECT sum(c.network_fee_paid) FROM orders_order c WHERE c.parent_id = p.id)
    WHERE p.id IN (SELECT o.parent_id FROM orders_order o WHERE o.id = ANY(%s::uuid[]) AND o.parent_id IS NOT NULL)
        AND p.outcome IS NOT NULL
    RETURNING CASE WHEN NOT EXISTS (
        SELECT FROM orders_order c JOIN orders_submission s ON s.order_id = c.id
        WHERE c.parent_id = p.id AND s.closed_at IS NULL
    ) THEN p.id END
"""
