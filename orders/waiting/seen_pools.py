"""How old pools are: by the chain's own word, else by the looks of this engine that did not have them. Never younger.

A pool of a chain that dates its pools is as old as its block says; one that the chain does not date counts as old. Of a
chain that dates none, a pool is counted from the beginning of the last look in which it was not there: it is younger
than that, by the time between two looks at the most. What the first look of all finds is of unknown age. All of this is
kept in rows: an engine that starts, or stood still, takes no pool for new that it only did not know.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

import orjson
from django.db import connection, transaction

from dex import Chain, MarketPrices
from dex.chains.capabilities import DatesPools
from dex.deadline import within
from orders.models import heartbeat_name
from orders.order_types.sniper import LONGEST_AGE_S

NAME = "pools"

_UNSEEN = """
    SELECT v.pool_id FROM jsonb_array_elements_text(%(pool_ids)s::jsonb) AS v(pool_id)
    WHERE NOT EXISTS (SELECT FROM orders_seenpool p WHERE p.chain_id = %(chain_id)s AND p.pool_id = v.pool_id)
"""
# The row is locked from here on: one notes at a time. Another one may have looked meanwhile, and begun later.
_LOOK = """
    WITH before AS (SELECT at FROM orders_heartbeat WHERE name = %(name)s)
    INSERT INTO orders_heartbeat AS h (name, at) VALUES (%(name)s, %(began_at)s)
    ON CONFLICT (name) DO UPDATE SET at = greatest(h.at, excluded.at)
    RETURNING (SELECT at FROM before)
"""
_NOTE = """
    INSERT INTO orders_seenpool (chain_id, pool_id, absent_at, born_at)
    SELECT %(chain_id)s, v.pool_id, %(absent_at)s::timestamptz, (%(births)s::jsonb ->> v.pool_id)::bigint
    FROM jsonb_array_elements_text(%(pool_ids)s::jsonb) AS v(pool_id)
    ON CONFLICT (chain_id, pool_id) DO NOTHING
"""
# A chain that stands still does not keep a pool young.
_AGES = """
    SELECT pool_id, (CASE
        WHEN born_at IS NOT NULL THEN greatest(%(now)s - born_at, floor(extract(epoch FROM now() - seen_at)), 0)
        ELSE ceil(extract(epoch FROM now() - absent_at)) END)::bigint
    FROM orders_seenpool WHERE chain_id = %(chain_id)s AND pool_id = ANY(%(pool_ids)s::text[])
        AND (born_at IS NOT NULL OR absent_at IS NOT NULL)
"""


def begin_look(chain: Chain) -> datetime:
    """Before the market is read for orders that wait for pools: the database's time, and the chain looks for new ones.

    What this look does not have was not there then.
    """
    if isinstance(chain, DatesPools):
        chain.seek_pools()
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        at: datetime = cursor.fetchone()[0]
        return at


def note_pools(chain: Chain, market: MarketPrices, began_at: datetime) -> None:
    """Note the pools of a look that no look before had. Raises: RetryableError; then nothing is noted."""
    values: dict[str, Any] = {"chain_id": chain.chain_id, "pool_ids": _json(sorted(market.pool_ids))}
    unseen = [pool_id for (pool_id,) in _rows(_UNSEEN, values)]
    dates = isinstance(chain, DatesPools)
    if dates and not unseen:
        return
    births = {}
    if isinstance(chain, DatesPools):
        with within(chain.timing.answer_s):
            births = dict(chain.births(unseen, market.time - LONGEST_AGE_S))
    with transaction.atomic():
        look = {"name": heartbeat_name(NAME, chain.chain_id), "began_at": began_at}
        ((before,),) = _rows(_LOOK, look)
        if unseen:
            absent_at = None if dates else before
            noted = values | {"pool_ids": _json(unseen), "births": _json(births), "absent_at": absent_at}
            with connection.cursor() as cursor:
                cursor.execute(_NOTE, noted)


def known_ages(chain_id: str, pool_ids: Iterable[str], now: int) -> dict[str, int]:
    """How old these pools are at chain time `now`, in whole seconds, at the most; without those of unknown age."""
    return dict(_rows(_AGES, {"chain_id": chain_id, "pool_ids": list(pool_ids), "now": now}))


def _rows(statement: str, values: dict[str, Any]) -> Sequence[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        return list(cursor.fetchall())


def _json(value: Any) -> str:
    return orjson.dumps(value).decode()
