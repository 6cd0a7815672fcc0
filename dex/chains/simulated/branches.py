"""Takes blocks back: each keeps for a while what it changed, so that a reorg restores the state to the last atom."""

from collections.abc import Collection

from django.db import connection

from dex.errors import ReorgPastFinality

# Blocks beyond finality whose undo is kept, so that tests can play the incident too.
KEPT_PAST_FINALITY = 8


def take_back(first: int, forget: Collection[str] | None) -> list[str]:
    """Undo every block from number `first` on, newest first; the hashes that came out of them.

    Their transactions wait again, but for those in `forget` (None: all of them). Call under the lock.
    Raises: ReorgPastFinality when what undoes one of them is not kept any more; nothing is changed then.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT b.number, b.is_empty, u.number IS NOT NULL FROM simulated_block b"
            " LEFT JOIN simulated_undo u ON u.number = b.number WHERE b.number >= %s ORDER BY b.number DESC",
            [first],
        )
        blocks = cursor.fetchall()
    lacking = [number for number, is_empty, has_undo in blocks if not (is_empty or has_undo)]
    if lacking or first <= 0:
        raise ReorgPastFinality(f"what undoes block {max(lacking, default=0)} is not kept any more")
    for number, _, _ in blocks:
        _restore(number)
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM simulated_undo WHERE number >= %s", [first])
        cursor.execute(
            """
            UPDATE simulated_chaintransaction
            SET state = CASE WHEN %s::text[] IS NULL OR tx_hash = ANY(%s::text[]) THEN 'forgotten' ELSE 'pending' END,
                taken_back_count = taken_back_count + 1, block_number = NULL, code = NULL, detail = '',
                amount_in = NULL, amount_out = NULL, route = NULL, fee_paid = 0
            WHERE state = 'included' AND block_number >= %s
            RETURNING tx_hash
            """,
            [*[None if forget is None else list(forget)] * 2, first],
        )
        tx_hashes = [row[0] for row in cursor.fetchall()]
        cursor.execute("DELETE FROM simulated_block WHERE number >= %s", [first])
    return tx_hashes


def _restore(number: int) -> None:
    with connection.cursor() as cursor:
        for statement in _RESTORE:
            cursor.execute(statement, [number])


_RESTORE = (
    """
    WITH v AS (
        SELECT item->>0 AS pool_id, item->1 AS state, item->>2 AS version
        FROM simulated_undo u, jsonb_array_elements(u.pools) AS p(item) WHERE u.number = %s
    ), gone AS (
        DELETE FROM simulated_poolstate p USING v WHERE v.version IS NULL AND p.pool_id = v.pool_id
    )
    UPDATE simulated_poolstate p SET state = v.state, version = v.version
    FROM v WHERE v.version IS NOT NULL AND p.pool_id = v.pool_id
    """,
    """
    WITH v AS (
        SELECT item->>0 AS address, item->>1 AS token, (item->>2)::numeric AS atoms
        FROM simulated_undo u, jsonb_array_elements(u.balances) AS b(item) WHERE u.number = %s
    ), gone AS (
        DELETE FROM simulated_balance b USING v
        WHERE v.atoms IS NULL AND b.address = v.address AND b.token = v.token
    )
    UPDATE simulated_balance b SET atoms = v.atoms
    FROM v WHERE v.atoms IS NOT NULL AND b.address = v.address AND b.token = v.token
    """,
    """
    WITH v AS (
        SELECT key AS address, value::bigint AS nonce
        FROM simulated_undo u, jsonb_each_text(u.nonces) WHERE u.number = %s
    ), gone AS (
        DELETE FROM simulated_chainaccount a USING v WHERE v.nonce IS NULL AND a.address = v.address
    )
    UPDATE simulated_chainaccount a SET next_nonce = v.nonce
    FROM v WHERE v.nonce IS NOT NULL AND a.address = v.address
    """,
)
