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
# Of the busiest engine that is about a minute, two looks.
MAX_FILLS = 50_000


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
    """One fill of each of the chain's last blocks of the last ten minutes, of those stored after a time.

    The order of one fill tells the chain of its block: a hash belongs to one chain.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT b.block_number, b.block_hash, b.tx_hash FROM (
                SELECT DISTINCT ON (block_number, block_hash) block_number, block_hash, tx_hash, order_id
                FROM (SELECT * FROM orders_fill ORDER BY id DESC LIMIT %s) f
                WHERE block_hash IS NOT NULL
                    AND created_at > greatest(now() - interval '10 minutes', coalesce(%s::timestamptz, '-infinity'))
                ORDER BY block_number DESC, block_hash, id
            ) b JOIN orders_order o ON o.id = b.order_id
            WHERE o.chain_id = %s ORDER BY b.block_number DESC LIMIT %s
            """,
            [MAX_FILLS, after, chain_id, MAX_BLOCKS],
        )
        return [_Filled(*row) for row in cursor.fetchall()]
