"""Transactions that wait for a block: taken in by hash, several of them at one nonce when the later one bids more."""

import json
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from django.db import connection

from dex.errors import DexError, NonceTaken, Underpriced
from dex.types import SignedTransaction

MAX_BLOCK_TRANSACTIONS = 1_000


class Incoming(NamedTuple):
    """Bytes on their way in, the state that they begin in, and for how long blocks leave them out."""

    signed: SignedTransaction
    state: str
    hold_s: float


class Waiting(NamedTuple):
    """A transaction that a block could take."""

    tx_hash: str
    raw: bytes
    taken_back_count: int


class Arrival(NamedTuple):
    """What a broadcast found: how often these bytes have come by now, or why the nonce is not theirs."""

    broadcast_count: int
    refusal: DexError | None = None


class Mempool:
    """Reads and writes of what waits. Needs no lock: only blocks change state."""

    def receive(self, incoming: Sequence[Incoming]) -> list[Arrival]:
        """Take bytes in; bytes that came before are pending from now on unless they are included."""
        arrived = self._receive(incoming)
        missing = [item for item in incoming if item.signed.tx_hash not in arrived]
        if missing:
            # Either others have the nonce, or a rival brought the same bytes at this very moment.
            arrived |= self._receive(missing)
        return [
            Arrival(count) if (count := arrived.get(item.signed.tx_hash)) else Arrival(0, self._refusal(item.signed))
            for item in incoming
        ]

    def release(self, wallet: str, nonce: int) -> None:
        """Let blocks take what bid too little at this nonce."""
        with connection.cursor() as cursor:
            cursor.execute(
                "UPDATE simulated_chaintransaction SET state = 'pending'"
                " WHERE wallet = %s AND nonce = %s AND state = 'stuck'",
                [wallet, nonce],
            )

    def pending(self) -> list[Waiting]:
        """What a block could take, oldest nonces first."""
        with connection.cursor() as cursor:
            cursor.execute(
                """
                SELECT tx_hash, raw, taken_back_count FROM simulated_chaintransaction
                WHERE state = 'pending' AND (hold_until IS NULL OR hold_until <= now())
                ORDER BY wallet, nonce LIMIT %s
                """,
                [MAX_BLOCK_TRANSACTIONS],
            )
            return [Waiting(tx_hash, bytes(raw), count) for tx_hash, raw, count in cursor.fetchall()]

    def size(self) -> int:
        """How many transactions wait, held ones included."""
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM simulated_chaintransaction WHERE state = 'pending'")
            return int(cursor.fetchone()[0])

    def drop(self, tx_hashes: Iterable[str]) -> None:
        """Forget pending ones whose nonce another transaction has used."""
        with connection.cursor() as cursor:
            cursor.execute(
                "UPDATE simulated_chaintransaction SET state = 'replaced'"
                " WHERE tx_hash = ANY(%s) AND state = 'pending'",
                [list(tx_hashes)],
            )

    def _receive(self, incoming: Sequence[Incoming]) -> dict[str, int]:
        with connection.cursor() as cursor:
            cursor.execute(_RECEIVE, [json.dumps(_rows(incoming), separators=(",", ":"))])
            return {tx_hash: count for tx_hash, count, _ in cursor.fetchall()}

    def _refusal(self, signed: SignedTransaction) -> DexError:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT EXISTS (SELECT FROM simulated_chaintransaction"
                " WHERE wallet = %s AND nonce = %s AND state = 'included')",
                [signed.wallet, signed.nonce],
            )
            is_used = cursor.fetchone()[0]
        if is_used:
            return NonceTaken(f"nonce {signed.nonce} is used: nonce too low")
        return Underpriced("another transaction waits at this nonce: replacement transaction underpriced")


# A replacement needs an eighth more of both fees than each transaction that waits at its nonce (`Fees.outbids`).
_RECEIVE = """
    WITH v AS (
        SELECT * FROM jsonb_to_recordset(%s::jsonb)
            AS v(tx_hash text, wallet text, nonce bigint, raw bytea, max_fee bigint, priority_fee bigint,
                 state text, hold_s float8)
    ), fresh AS (
        INSERT INTO simulated_chaintransaction
            (tx_hash, wallet, nonce, raw, max_fee, priority_fee, state, hold_until, broadcast_count, detail)
        SELECT tx_hash, wallet, nonce, raw, max_fee, priority_fee, state,
               CASE WHEN hold_s > 0 THEN now() + hold_s * interval '1 second' END, 1, ''
        FROM v WHERE NOT EXISTS (
            SELECT FROM simulated_chaintransaction t
            WHERE t.wallet = v.wallet AND t.nonce = v.nonce AND (
                t.state = 'included' OR t.state IN ('pending', 'stuck')
                AND (v.max_fee * 8 < t.max_fee * 9 OR v.priority_fee * 8 < t.priority_fee * 9)))
        ON CONFLICT DO NOTHING
        RETURNING tx_hash
    ), known AS (
        UPDATE simulated_chaintransaction t
        SET broadcast_count = t.broadcast_count + 1,
            state = CASE WHEN t.state IN ('unseen', 'forgotten', 'replaced') AND NOT EXISTS (
                        SELECT FROM simulated_chaintransaction o
                        WHERE o.wallet = t.wallet AND o.nonce = t.nonce AND o.state = 'included')
                    THEN 'pending' ELSE t.state END
        FROM v WHERE t.tx_hash = v.tx_hash
        RETURNING t.tx_hash, t.broadcast_count
    )
    SELECT tx_hash, 1, set_config('synchronous_commit', 'off', true) FROM fresh
    UNION ALL SELECT tx_hash, broadcast_count, set_config('synchronous_commit', 'off', true) FROM known
"""


def _rows(incoming: Sequence[Incoming]) -> list[dict[str, Any]]:
    rows = [
        {
            "tx_hash": signed.tx_hash,
            "wallet": signed.wallet,
            "nonce": signed.nonce,
            "raw": "\\x" + signed.raw.hex(),
            "max_fee": signed.fees.max_fee,
            "priority_fee": signed.fees.priority_fee,
            "state": state,
            "hold_s": hold_s,
        }
        for signed, state, hold_s in incoming
    ]
    return sorted(rows, key=lambda row: str(row["tx_hash"]))
