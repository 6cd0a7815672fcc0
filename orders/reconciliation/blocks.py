"""Compares the blocks of filled orders with the chain: a reorg past finality may take everything in again unseen."""

import logging
from typing import NamedTuple

from django.db import connection, transaction

from dex import Engine, RetryableError
from orders.audit.record import Actor, Entry, record
from orders.models import heartbeat_name
from orders.reconciliation.heartbeat import REORG, beat
from orders.risk.pause import Target, lock_alone, pause

logger = logging.getLogger(__name__)

# One fill of each of the last blocks is asked for, all in one request; a reorg exchanges whole blocks.
MAX_BLOCKS = 200
# How many of the newest fills are read: the next number only where all of the last one are of the last ten minutes and
# of too few blocks. Of the busiest engine the largest number is about a minute, two looks.
FILLS = (500, 5_000, 50_000)


class _Filled(NamedTuple):
    block_number: int
    block_hash: str
    tx_hash: str


def watch_blocks(engine: Engine) -> int | None:
    """Look once; the lowest final block that was exchanged, for which this call paused the chain and told of it.

    Fills from before the last reorg that was reported say nothing new. What the chain has no receipt of at this
    moment is left to the comparison of nonces. A chain that cannot be reached is asked again at the next call.
    """
    chain_id = engine.chain.chain_id
    reported_at = _reported_at(chain_id)
    filled = _last_blocks(chain_id, reported_at)
    if not filled:
        return None
    try:
        receipts = engine.receipts([row.tx_hash for row in filled])
    except RetryableError as error:
        logger.warning("blocks could not be compared with the chain: %s", error.detail)
        return None
    exchanged = [
        (row, _Filled(receipt.block_number, receipt.block_hash, receipt.tx_hash))
        for row, receipt in zip(filled, receipts, strict=True)
        if receipt is not None and receipt.block_hash != row.block_hash
    ]
    if not exchanged:
        return None
    before, after = min(exchanged)
    return before.block_number if _report(before, after, chain_id, reported_at) else None


def _report(before: _Filled, after: _Filled, chain_id: str, reported_at: str | None) -> bool:
    detail = f"final block {before.block_number} was exchanged, {before.tx_hash} is in block {after.block_number} now"
    with transaction.atomic():
        lock_alone()
        if _reported_at(chain_id) != reported_at:
            return False
        beat(heartbeat_name(REORG, chain_id))
        actor = Actor("engine", reason=f"reorg past finality: {detail}", is_admin=True)
        pause(Target("chain", chain_id, chain_id=chain_id), actor)
        record(actor, [Entry("incident.reorg", f"chain:{chain_id}", _shown(before), _shown(after))])
    logger.critical("reorg past finality, chain %s is paused: %s", chain_id, detail)
    return True


def _shown(row: _Filled) -> dict[str, int | str]:
    return {"block_number": row.block_number, "block_hash": row.block_hash}


def _reported_at(chain_id: str) -> str | None:
    """When a reorg of the chain was last reported, as PostgreSQL writes it."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT at::text FROM orders_heartbeat WHERE name = %s", [heartbeat_name(REORG, chain_id)])
        row = cursor.fetchone()
    return row[0] if row else None


def _last_blocks(chain_id: str, after: str | None) -> list[_Filled]:
    """One fill of each of the chain's last blocks of the last ten minutes, of those stored after a time."""
    found: list[_Filled] = []
    for most in FILLS:
        found, is_all = _among_newest(most, chain_id, after)
        if is_all or len(found) == MAX_BLOCKS:
            break
    return found


def _among_newest(most: int, chain_id: str, after: str | None) -> tuple[list[_Filled], bool]:
    """Of the newest fills, and whether all that are wanted are among these.

    The order of one fill tells the chain of its block: a hash belongs to one chain.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            """
            WITH f AS MATERIALIZED (
                SELECT id, block_number, block_hash, tx_hash, order_id, created_at > greatest(
                    now() - interval '10 minutes', coalesce(%s::timestamptz, '-infinity')) AS is_new
                FROM orders_fill ORDER BY id DESC LIMIT %s
            ), b AS (
                SELECT DISTINCT ON (block_number, block_hash) block_number, block_hash, tx_hash, order_id
                FROM f WHERE block_hash IS NOT NULL AND is_new
                ORDER BY block_number DESC, block_hash, id
            ), last AS (
                SELECT b.block_number, b.block_hash, b.tx_hash FROM b JOIN orders_order o ON o.id = b.order_id
                WHERE o.chain_id = %s ORDER BY b.block_number DESC LIMIT %s
            )
            SELECT (SELECT count(*) < %s OR NOT bool_and(is_new) FROM f), last.*
            FROM (SELECT) one LEFT JOIN last ON true ORDER BY last.block_number DESC
            """,
            [after, most, chain_id, MAX_BLOCKS, most],
        )
        rows = cursor.fetchall()
    return [_Filled(*row[1:]) for row in rows if row[1] is not None], rows[0][0]
