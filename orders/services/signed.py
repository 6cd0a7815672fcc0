"""The stored bytes of open submissions: read together by order, added to, and marked as the chain answers."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple
from uuid import UUID

from django.db import connection

from dex import Fees, SignedTransaction
from orders.recordset import hash_array, id_array, recordset, to_json
from orders.services.claim import ClaimedOrder


class Stored(NamedTuple):
    """A signed transaction as its row holds it. `resent_s` (unix seconds) is None until it was sent again.

    `age_s` is how long ago it was signed.
    """

    signed: SignedTransaction
    is_noop: bool
    resent_s: int | None
    age_s: float
    mined_block: int | None
    mined_hash: str | None


@dataclass(frozen=True, slots=True)
class OpenHold:
    """A submission, open unless asked for otherwise: one nonce, and all that was ever signed for it, oldest first.

    Whichever of these a block takes decides; no other transaction of ours can have the nonce.
    """

    submission_id: UUID
    order_id: UUID | None
    wallet_id: int
    account_id: int
    absent_block: int | None
    transactions: tuple[Stored, ...]

    @property
    def newest(self) -> Stored:
        """The one that bids most."""
        return self.transactions[-1]

    @property
    def address(self) -> str:
        """The wallet's address."""
        return self.newest.signed.wallet

    @property
    def nonce(self) -> int:
        """What is held."""
        return self.newest.signed.nonce

    @property
    def has_noop(self) -> bool:
        """Whether one of them is there to use up the nonce."""
        return any(item.is_noop for item in self.transactions)

    @property
    def deadline(self) -> int:
        """Chain time after which no swap of it executes any more."""
        return max((item.signed.deadline for item in self.transactions if not item.is_noop), default=0)


def load_holds(orders: Sequence[ClaimedOrder]) -> dict[UUID, OpenHold]:
    """Each order's open submission, by order id."""
    holds = load_open_holds("s.order_id = ANY(%s::uuid[])", id_array(order.id for order in orders))
    return {hold.order_id: hold for hold in holds if hold.order_id is not None}


def load_open_holds(condition: str, value: str) -> list[OpenHold]:
    """The open submissions `s` that meet an SQL condition with one parameter."""
    return _load("s.closed_at IS NULL AND " + condition, [value])


def load_closed_holds(wallet_id: int, from_nonce: int, limit: int) -> list[OpenHold]:
    """The wallet's closed submissions from a nonce on, lowest first: a final transaction has used each."""
    condition = """s.id = ANY(ARRAY(
        SELECT id FROM orders_submission WHERE wallet_id = %s AND nonce >= %s AND closed_at IS NOT NULL
        ORDER BY nonce LIMIT %s))"""
    return sorted(_load(condition, [wallet_id, from_nonce, limit]), key=lambda hold: hold.nonce)


def _load(condition: str, values: Sequence[str | int]) -> list[OpenHold]:
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
    return [OpenHold(key, *head, tuple(items)) for key, (head, items) in found.items()]


def add_signed(rows: Iterable[tuple[UUID, SignedTransaction, bool]]) -> None:
    """Store (submission, transaction, is_noop) before any byte leaves; what is stored already stays as it is."""
    written = [
        {
            "submission_id": submission_id,
            "raw": to_json(signed.raw),
            "tx_hash": signed.tx_hash,
            "deadline": signed.deadline,
            "is_noop": is_noop,
            "max_fee": signed.fees.max_fee,
            "priority_fee": signed.fees.priority_fee,
        }
        for submission_id, signed, is_noop in rows
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


def close_submissions(submission_ids: Sequence[UUID]) -> None:
    """Release the orders' hold on their nonces: a final transaction has used them."""
    if submission_ids:
        with connection.cursor() as cursor:
            cursor.execute(
                "UPDATE orders_submission SET closed_at = now() WHERE id = ANY(%s::uuid[]) AND closed_at IS NULL",
                [id_array(submission_ids)],
            )
