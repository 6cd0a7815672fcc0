"""The mid prices of pairs that a waiting order's trigger is compared with: noted once a block, kept for a window."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any

from django.db import connection, transaction

from dex.costs import TokenPair
from orders.database.recordset import recordset, to_json
from orders.models import heartbeat_name
from orders.risk.reference_price import Held

# After this many seconds without a look the prices in between are unknown, so the history begins again.
LONGEST_GAP_S = 10.0
NAME = "prices"

_LOOK = """
    WITH before AS (SELECT at FROM orders_heartbeat WHERE name = %(name)s)
    INSERT INTO orders_heartbeat AS h (name) VALUES (%(name)s) ON CONFLICT (name) DO UPDATE SET at = now()
    RETURNING coalesce((SELECT at < now() - %(gap_s)s * interval '1 second' FROM before), true)
"""
# The newest price from before the window is kept: it holds at its beginning.
_FORGET = """
    DELETE FROM orders_pairprice p WHERE chain_id = %(chain_id)s AND (
        %(is_gap)s
        OR NOT EXISTS (SELECT FROM jsonb_to_recordset(%(rows)s::jsonb) AS v(token_in text, token_out text)
                       WHERE v.token_in = p.token_in AND v.token_out = p.token_out)
        OR at < now() - %(window_s)s * interval '1 second' AND EXISTS (
            SELECT FROM orders_pairprice q WHERE q.chain_id = p.chain_id AND q.token_in = p.token_in
                AND q.token_out = p.token_out AND q.at > p.at AND q.at < now() - %(window_s)s * interval '1 second'))
"""
# A block that another branch has replaced has another price from now on.
_NOTE = """
    INSERT INTO orders_pairprice AS p (chain_id, token_in, token_out, block, mid)
    SELECT %(chain_id)s, token_in, token_out, %(block)s, mid
    FROM jsonb_to_recordset(%(rows)s::jsonb) AS v(token_in text, token_out text, mid numeric) WHERE mid > 0
    ON CONFLICT (chain_id, token_in, token_out, block) DO UPDATE SET mid = excluded.mid, at = now()
        WHERE p.mid <> excluded.mid
"""
_READ = """
    SELECT token_in, token_out, extract(epoch FROM now() - at)::float8, mid::text FROM orders_pairprice
    WHERE chain_id = %(chain_id)s
"""
_KNOWN = f"""{_READ}
        AND (token_in, token_out) IN (
            SELECT token_in, token_out FROM jsonb_to_recordset(%(rows)s::jsonb) AS v(token_in text, token_out text))
        AND EXISTS (SELECT FROM orders_heartbeat WHERE name = %(name)s AND at > now() - %(gap_s)s * interval '1 second')
"""


def known_prices(chain_id: str, pairs: Iterable[TokenPair]) -> dict[TokenPair, list[Held]]:
    """The histories of pairs that orders wait for, where they reach up to now."""
    rows = [{"token_in": token_in, "token_out": token_out} for token_in, token_out in pairs]
    name = heartbeat_name(NAME, chain_id)
    values: dict[str, Any] = {"chain_id": chain_id, "name": name, "gap_s": LONGEST_GAP_S, "rows": recordset(rows)}
    with connection.cursor() as cursor:
        cursor.execute(_KNOWN, values)
        return _by_pair(cursor.fetchall())


def note_prices(
    chain_id: str, block: int, mids: Mapping[TokenPair, Decimal | None], window_s: float, *, gap_s: float
) -> dict[TokenPair, list[Held]]:
    """Note the prices of a block; the history of each of these pairs, and of no other.

    A pair without a price keeps its history. Histories begin again where the last call was more than `gap_s` ago.
    """
    rows = [{"token_in": pair[0], "token_out": pair[1], "mid": to_json(mid)} for pair, mid in sorted(mids.items())]
    values: dict[str, Any] = {
        "chain_id": chain_id,
        "name": heartbeat_name(NAME, chain_id),
        "gap_s": max(gap_s, LONGEST_GAP_S),
        "block": block,
        "window_s": window_s,
        "rows": recordset(rows),
    }
    with transaction.atomic(), connection.cursor() as cursor:
        # The row of the look is locked from here on: one notes at a time.
        cursor.execute(_LOOK, values)
        (is_gap,) = cursor.fetchone()
        cursor.execute(_FORGET, {**values, "is_gap": is_gap})
        cursor.execute(_NOTE, values)
        cursor.execute(_READ, values)
        return _by_pair(cursor.fetchall())


def _by_pair(rows: Sequence[tuple[str, str, float, str]]) -> dict[TokenPair, list[Held]]:
    history: dict[TokenPair, list[Held]] = defaultdict(list)
    for token_in, token_out, since_s, mid in rows:
        history[token_in, token_out].append(Held(since_s, Decimal(mid)))
    return history
