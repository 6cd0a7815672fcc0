"""The statements of a trigger pass: whom pairs of prices reach. Each reads ranges of one index, and no other rows."""

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any, NamedTuple
from uuid import UUID

import orjson
from django.db import connection

from orders.database.recordset import recordset, to_json
from orders.pipeline.claimable import NOT_PAUSED, READABLE
from orders.terms import SwapTerms

# Of a pair and kind, in one statement.
MOST = 500


class Waited(NamedTuple):
    """A pair of which orders wait for a price, and how (models/waiting.py)."""

    token_in: str
    token_out: str
    kind: str


class Price(NamedTuple):
    """What a kind of trigger of a pair is compared with, in token units."""

    waited: Waited
    price: Decimal


class Fired(NamedTuple):
    """An order whose trigger is reached, as its row was read. It is what an order type needs (order_types/base.py)."""

    id: UUID
    seq: int
    since: str
    order_type: str
    side: str
    token_in: str
    token_out: str
    decimals_in: int
    decimals_out: int
    amount: int
    stored_terms: str
    trigger_kind: str
    trigger_at_price: Decimal

    @property
    def terms(self) -> SwapTerms:
        """Raises: UnreadableTerms."""
        return SwapTerms.from_json(orjson.loads(self.stored_terms))


# Each step finds the next pair and kind in the index, however many orders wait for the one before.
WAITING = "chain_id = %(chain_id)s AND status = 'PENDING' AND trigger_kind IS NOT NULL"
_NEXT = "token_in, token_out, trigger_kind"
_PAIRS = f"""
    WITH RECURSIVE waited AS (
        (SELECT {_NEXT} FROM orders_order WHERE {WAITING} ORDER BY {_NEXT} LIMIT 1)
        UNION ALL
        SELECT n.* FROM waited w CROSS JOIN LATERAL (
            SELECT {_NEXT} FROM orders_order
            WHERE {WAITING} AND ({_NEXT}) > (w.token_in, w.token_out, w.trigger_kind) ORDER BY {_NEXT} LIMIT 1) n
    )
    SELECT {_NEXT} FROM waited
"""
_V = """v AS (
        SELECT * FROM jsonb_to_recordset(%(prices)s::jsonb)
            AS v(token_in text, token_out text, kind text, price numeric))"""
OF_V = f"{WAITING} AND token_in = v.token_in AND token_out = v.token_out AND trigger_kind = v.kind"
FREE = f"(lease_until IS NULL OR lease_until < now()) AND {READABLE} AND {NOT_PAUSED}"
# Rows that another session holds are found by the next pass. No row waits for the lock of another: no deadlock.
_LOCK = f"LIMIT {MOST} FOR NO KEY UPDATE SKIP LOCKED"
_RISEN, _FALLEN = "trigger_at_price <= v.price", "trigger_at_price >= v.price"

# By the array orders are found by their ids, however many of them PostgreSQL expects to be reached.
_MAKE_DUE = f"""
    WITH {_V}, reached AS MATERIALIZED (
        SELECT found.id FROM v CROSS JOIN LATERAL (
            SELECT id FROM orders_order WHERE {OF_V} AND {_RISEN} AND due_at > now() AND {FREE} {_LOCK}) found
    )
    UPDATE orders_order o SET due_at = now(), waiting_for = NULL, waiting_since = NULL
    WHERE o.id = ANY(ARRAY(SELECT id FROM reached)) RETURNING o.is_parent
"""
FIRED_COLUMNS = (
    "id, seq, updated_at::text, order_type, side, token_in, token_out, decimals_in, decimals_out, amount::text,"
    " terms::text, trigger_kind, trigger_at_price::text"
)
_FIND = f"""
    WITH {_V}
    SELECT found.* FROM v CROSS JOIN LATERAL (
        SELECT {FIRED_COLUMNS} FROM orders_order
        WHERE {OF_V} AND {{reached}} AND {FREE} ORDER BY trigger_at_price LIMIT {MOST}) found
"""
_FIND_RISEN, _FIND_FALLEN = _FIND.format(reached=_RISEN), _FIND.format(reached=_FALLEN)
# Every type that trails stores its distance under this one name.
_TRAILED = "v.price * (1 - (terms #>> '{type_terms,trail_bps}')::numeric / 10000)"
_FOLLOWED = _TRAILED.replace("v.price", "behind.price")
_FOLLOW = f"""
    WITH {_V}, behind AS MATERIALIZED (
        SELECT found.id, v.price FROM v CROSS JOIN LATERAL (
            SELECT id FROM orders_order
            WHERE {OF_V} AND trigger_at_price < v.price AND {READABLE}
                AND trigger_at_price < round({_TRAILED}, 60)
            LIMIT {MOST} FOR NO KEY UPDATE SKIP LOCKED) found
    )
    UPDATE orders_order o SET trigger_at_price = round({_FOLLOWED}, 60)
    FROM behind WHERE o.id = ANY(ARRAY(SELECT id FROM behind)) AND o.id = behind.id
"""


def waited_pairs(chain_id: str) -> list[Waited]:
    """The pairs that orders of a chain wait for, and how."""
    with connection.cursor() as cursor:
        cursor.execute(_PAIRS, {"chain_id": chain_id})
        return [Waited(*row) for row in cursor.fetchall()]


def make_due(chain_id: str, prices: Sequence[Price]) -> list[bool]:
    """Have orders routed that wait for the market's marginal price to rise to theirs; of each, if it is a parent.

    At most `MOST` of a pair: more are left for the next call.
    """
    return [row[0] for row in _run(_MAKE_DUE, chain_id, prices)]


def find_reached(chain_id: str, prices: Sequence[Price]) -> list[Fired]:
    """Orders whose trigger is reached, at most `MOST` of a pair and kind. They are changed by nothing here."""
    risen = [item for item in prices if item.waited.kind.endswith("rises")]
    fallen = [item for item in prices if not item.waited.kind.endswith("rises")]
    rows = _run(_FIND_RISEN, chain_id, risen) + _run(_FIND_FALLEN, chain_id, fallen)
    return [fired_of(row) for row in rows]


def follow(chain_id: str, prices: Sequence[Price]) -> int:
    """Raise the triggers that trail behind these prices; how many, at most `MOST` of a pair and kind."""
    if not prices:
        return 0
    with connection.cursor() as cursor:
        cursor.execute(_FOLLOW, {"chain_id": chain_id, "prices": _recordset(prices)})
        return int(cursor.rowcount)


def _run(statement: str, chain_id: str, prices: Sequence[Price]) -> list[tuple[Any, ...]]:
    if not prices:
        return []
    with connection.cursor() as cursor:
        cursor.execute(statement, {"chain_id": chain_id, "prices": _recordset(prices)})
        return list(cursor.fetchall())


def _recordset(prices: Iterable[Price]) -> str:
    names = ("token_in", "token_out", "kind")
    return recordset(dict(zip(names, item.waited, strict=True)) | {"price": to_json(item.price)} for item in prices)


def fired_of(row: Sequence[Any]) -> Fired:
    """An order of the columns of `FIRED_COLUMNS`."""
    *plain, amount, terms, kind, price = row
    return Fired._make((*plain, int(amount), terms, kind, Decimal(price)))
