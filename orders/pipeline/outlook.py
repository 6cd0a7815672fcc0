"""What is due, and what dead workers hold: as maintenance asks each second, in one statement, and in parts.

Where reading the market takes time, it is read before orders are claimed: what comes meanwhile is in the batch.
Else an order that comes while the first one's market is read would need another process, which reads it again. So one
process of a worker reads at a time. The others leave a wake-up to it that comes meanwhile: it claims only afterwards.
"""

import mmap
import struct
import time
from typing import NamedTuple

import orjson
from django.db import connection

from dex import Ahead, Engine
from orders.models import heartbeat_name
from orders.models.due import DUE
from orders.pipeline.claim import HOLDER
from orders.pipeline.claimable import claimable
from orders.pipeline.life.deadman import IS_DUE as DEADMAN_IS_DUE
from orders.pipeline.life.links import IS_DUE as LINKS_ARE_DUE
from orders.pipeline.resend import UNSENT
from orders.reconciliation.heartbeat import BEAT
from orders.selectors import MAINTENANCE
from orders.states import Stage

# Whether orders of the chain wait for prices.
_HAS_WAITING = """EXISTS (
            SELECT FROM orders_order
            WHERE chain_id = %(chain_id)s AND status = 'PENDING' AND trigger_kind IS NOT NULL)"""
# The orders of a chain whose leases a session holds that is gone; and for each stage in how many seconds the first one
# without a lease is due, null where none is within the next one.
_IS_DEAD = (
    "chain_id = %(chain_id)s AND lease_until > now()"
    f" AND {HOLDER} NOT IN (SELECT pid FROM pg_stat_activity WHERE pid IS NOT NULL UNION ALL SELECT -1)"
)
_DEAD = " UNION ALL ".join(f"SELECT id FROM orders_order WHERE {due.sql} AND {_IS_DEAD}" for due in DUE.values())
_FIRST_DUE = " UNION ALL ".join(
    f"SELECT '{stage}', (SELECT extract(epoch FROM min(due_at) - now()) FROM orders_order"
    f" WHERE chain_id = %(chain_id)s AND {claimable(stage)}"
    " AND (lease_until IS NULL OR lease_until < now()) AND due_at < now() + interval '1 second')"
    for stage in DUE
)
_LOOK = f"""
    WITH turn AS ({BEAT} RETURNING name)
    SELECT EXISTS ({_DEAD}), EXISTS (SELECT FROM orders_order WHERE {UNSENT}),
        (SELECT jsonb_object_agg(stage, delay_s) FROM ({_FIRST_DUE}) AS first (stage, delay_s)
         WHERE delay_s IS NOT NULL),
        {_HAS_WAITING}, {DEADMAN_IS_DUE}, {LINKS_ARE_DUE}
    FROM turn
"""

# A process that has read for longer may have died, or asks a node that does not answer.
TRUSTED_S = 0.5

_TIME = struct.Struct("d")
# Made before the worker's processes fork, so that all of them share it.
_reads_since = mmap.mmap(-1, _TIME.size)


class Outlook(NamedTuple):
    """Whether leases of dead workers hold orders, whether stored bytes were not sent, and what is due."""

    has_dead_leases: bool
    has_unsent: bool
    # Whether orders wait for prices.
    has_waiting: bool
    # With the seconds until their first order is due, see `due_stages`.
    due: dict[Stage, float]
    has_due_switches: bool
    has_due_links: bool


def look(chain_id: str, at_least_s: float) -> Outlook | None:
    """None where any process has looked after the chain less than `at_least_s` ago: then nothing is noted."""
    names = {"chain_id": chain_id, "name": heartbeat_name(MAINTENANCE, chain_id)}
    with connection.cursor() as cursor:
        cursor.execute(_LOOK, {**names, "at_least_s": at_least_s})
        row = cursor.fetchone()
    if row is None:
        return None
    has_dead_leases, has_unsent, due, has_waiting, has_due_switches, has_due_links = row
    found = orjson.loads(due) if due else {}
    due_s = {Stage(name): max(0.0, delay_s) for name, delay_s in found.items()}
    return Outlook(has_dead_leases, has_unsent, has_waiting, due_s, has_due_switches, has_due_links)


def end_dead_leases(lease_s: int, *, chain_id: str) -> int:
    """End the chain's leases, of `lease_s` at most, that a database session claimed which is gone; return how many.

    PostgreSQL ends a session at once when its process dies, so no order waits for a killed worker's lease, unless a
    pooler keeps the session. One that only lost its connection may go on: what it settles counts as long as no other
    worker has claimed the order.
    A claim that was made before the server itself started again is not counted as a crash of its worker.
    """
    locked = f"SELECT id FROM orders_order WHERE id IN ({_DEAD}) ORDER BY id FOR UPDATE SKIP LOCKED"
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            UPDATE orders_order SET lease_until = NULL, claim_count = greatest(0, claim_count
                - (lease_until - %(lease_s)s * interval '1 second' < pg_postmaster_start_time())::int)
            WHERE id IN ({locked})
            """,
            {"chain_id": chain_id, "lease_s": lease_s},
        )
        return int(cursor.rowcount)


def due_stages(chain_id: str) -> dict[Stage, float]:
    """Stages with unleased rows of the chain due now or within a second, and the seconds until the first is due."""
    with connection.cursor() as cursor:
        cursor.execute(_FIRST_DUE, {"chain_id": chain_id})
        return {Stage(name): max(0.0, float(delay)) for name, delay in cursor.fetchall() if delay is not None}


def is_worth_it(chain_id: str) -> bool:
    """Whether an order waits to be routed that no other process of this worker will claim once it has read.

    A process that sees another one read has a wake-up from before the end of that: its order is in the claim after it.
    """
    return time.monotonic() - reads_since() >= TRUSTED_S and due_stages(chain_id).get(Stage.ROUTE) == 0.0


def read_ahead(engine: Engine) -> Ahead:
    """Read the market; call `claim_orders` afterwards, never before."""
    note_reading(time.monotonic())
    try:
        return engine.look_ahead()
    finally:
        note_reading(0.0)


def reads_since() -> float:
    """Since when a process of this worker reads, by the machine's monotonic clock; 0 where none does."""
    return float(_TIME.unpack_from(_reads_since, 0)[0])


def note_reading(since: float) -> None:
    """See `reads_since`."""
    _TIME.pack_into(_reads_since, 0, since)
