"""Sums over an account's orders, by venue, pair, hour, day, key or type: exact, page by page, bounded in time and room.

A page is some ten thousand orders in the order of their creation, found by the indexes of lists (models/listed.py), and
one statement sums it. So each statement is short however many orders there are, and an order is in one page: sums over
pages are sums over orders. Parents are left out, for their children are what was executed; archived orders are no rows
any more.
"""

import time
from collections.abc import Iterator
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import DatabaseError, connection

from orders.database.errors import sqlstate
from orders.event_log.event import timestamp
from orders.models import Account
from orders.models.listed import FAILED_SQL, FILLED_SQL, OPEN_SQL
from orders.presentation.report import VENUE, Asked, Report, Row, RowKey
from orders.problems import Problem, ProblemError
from orders.selectors import archived_months

# What an order's group is, in SQL of the row `o` and its parent `p`; null: orders that no key has placed.
_GROUPS = {
    "pair": "o.token_in || '/' || o.token_out",
    "hour": "to_char(o.created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:00:00\"Z\"')",
    "day": "to_char(o.created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD')",
    "key": "o.placed_key",
    "type": "coalesce(p.order_type, o.order_type)",
}
GROUP_BY = (VENUE, *_GROUPS)
PAGE = 20_000
# Of one report: orders that it looks at, seconds, and rows.
MOST_ORDERS, LIMIT_S, MOST_ROWS = 1_000_000, 20.0, 50_000
_CANCELED = "57014"
_COUNTER_OUT = "o.side = 'exact_in'"


_COUNTER = f"CASE WHEN {_COUNTER_OUT} THEN o.{{0}}_out ELSE o.{{0}}_in END"
_EXECUTED, _QUOTED = _COUNTER.format("amount"), _COUNTER.format("quoted_amount")
_SIGN = f"CASE WHEN {_COUNTER_OUT} THEN 1 ELSE -1 END"
_IS_FILLED = "o.amount_out IS NOT NULL"
_IS_MEASURED = f"{_IS_FILLED} AND o.arrival_amount IS NOT NULL"
_IS_SAVING = f"{_IS_FILLED} AND o.saved_amount IS NOT NULL"
# Filled orders have been quoted. Sums of benchmarks are over those that know theirs.
SUMS = {
    "orders": "count(*)",
    "filled": f"count(*) FILTER (WHERE {_IS_FILLED})",
    "failed": "count(*) FILTER (WHERE o.status = 'FAILED')",
    "open": "count(*) FILTER (WHERE o.outcome IS NULL)",
    "amount_in": "sum(o.amount_in)",
    "amount_out": "sum(o.amount_out)",
    "quoted_amount": f"sum({_QUOTED}) FILTER (WHERE {_IS_FILLED})",
    "executed_amount": f"sum({_EXECUTED})",
    "vs_quote": f"sum(({_QUOTED} - {_EXECUTED}) * {_SIGN}) FILTER (WHERE {_IS_FILLED})",
    "measured": f"count(*) FILTER (WHERE {_IS_MEASURED})",
    "arrival_amount": f"sum(o.arrival_amount) FILTER (WHERE {_IS_MEASURED})",
    "vs_arrival": f"sum((o.arrival_amount - {_EXECUTED}) * {_SIGN}) FILTER (WHERE {_IS_MEASURED})",
    "compared": f"count(*) FILTER (WHERE {_IS_SAVING})",
    "compared_amount": f"sum({_QUOTED}) FILTER (WHERE {_IS_SAVING})",
    "saved": f"sum(o.saved_amount) FILTER (WHERE {_IS_SAVING})",
    "network_fee": "sum(o.network_fee_paid)",
}
VENUE_SUMS = {
    "orders": "count(DISTINCT page.id)",
    "swaps": "count(*)",
    "amount_in": "sum(h.amount_in)",
    "amount_out": "sum(h.amount_out)",
}
_PARTS = (OPEN_SQL, FILLED_SQL, FAILED_SQL)
_WITHIN = """account_id = %(account)s AND {part}
            AND created_at < %(before)s::timestamptz
            AND (created_at, id) > (%(at)s::timestamptz, %(id)s::uuid){pair}"""
_OF_PAIR = " AND token_in = %(pair_in)s AND token_out = %(pair_out)s"
_OF_TOKENS = """(%(token_in)s::text IS NULL OR o.token_in = %(token_in)s)
            AND (%(token_out)s::text IS NULL OR o.token_out = %(token_out)s)"""
# Swaps of fills: six texts for each, or as the API showed them once (plan.py).
_SWAPS = """
    JOIN orders_fill f ON f.order_id = page.id
    CROSS JOIN LATERAL (
        SELECT f.hops ->> (6 * n) AS venue, f.hops ->> (6 * n + 2) AS token_in, f.hops ->> (6 * n + 3) AS token_out,
               (f.hops ->> (6 * n + 4))::numeric AS amount_in, (f.hops ->> (6 * n + 5))::numeric AS amount_out
        FROM generate_series(0, jsonb_array_length(f.hops) / 6 - 1) AS n
        WHERE jsonb_typeof(f.hops -> 0) = 'string'
        UNION ALL
        SELECT s ->> 'venue', s ->> 'token_in', s ->> 'token_out',
               (s ->> 'amount_in_raw')::numeric, (s ->> 'amount_out_raw')::numeric
        FROM jsonb_array_elements(f.hops) AS s WHERE jsonb_typeof(f.hops -> 0) = 'object'
    ) h"""


def execution_report(account: Account, asked: Asked) -> Report:
    """The report on an account's orders. Raises: ProblemError `report_too_large`."""
    merged: dict[RowKey, Row] = {}
    for row in _all_pages(account, asked):
        known = merged.get(row.key)
        if known is None:
            merged[row.key] = row
            if len(merged) > MOST_ROWS:
                raise ProblemError(_too_large(f"it has more than {MOST_ROWS:,} rows"))
        else:
            _add(known, row)
    rows = [merged[key] for key in sorted(merged, key=_order)]
    return Report(asked, rows, _totals(rows), archived_months(asked.created_after, asked.created_before))


def _order(key: RowKey) -> tuple[str, ...]:
    return tuple(part or "" for part in key)


def _totals(rows: list[Row]) -> list[Row]:
    totals: dict[RowKey, Row] = {}
    for row in rows:
        key = row.key._replace(group=None)
        if key in totals:
            _add(totals[key], row)
        else:
            facts = (row.decimals_in, row.decimals_out, row.native_token, row.native_decimals)
            totals[key] = Row(key, dict(row.sums), *facts)
    return [totals[key] for key in sorted(totals, key=_order)]


def _add(known: Row, row: Row) -> None:
    for name, value in row.sums.items():
        known.sums[name] += value
    if known.native_token is None:
        known.native_token, known.native_decimals = row.native_token, row.native_decimals


def _all_pages(account: Account, asked: Asked) -> Iterator[Row]:
    """The sums of each page. Raises: ProblemError."""
    ends_at, seen = time.monotonic() + LIMIT_S, 0
    pair_in, pair_out = asked.pair or (None, None)
    values: dict[str, Any] = {
        "account": account.pk,
        # As values and not as conditions of their own: an index ends a scan by them, whichever plan is kept.
        "before": asked.created_before or "infinity",
        "pair_in": pair_in,
        "pair_out": pair_out,
        "token_in": asked.token_in,
        "token_out": asked.token_out,
        "at": asked.created_after or "-infinity",
        "id": UUID(int=0),
    }
    statement = _statement(asked.group_by, has_pair=asked.pair is not None)
    while True:
        count, rows, place = _read(statement, values, asked.group_by)
        yield from rows
        seen += count
        if count < PAGE:
            return
        values["at"], values["id"] = place
        if seen >= MOST_ORDERS or time.monotonic() > ends_at:
            reached = timestamp(place[0])
            detail = f"it looks at more than {seen:,} orders, up to {reached}"
            raise ProblemError(_too_large(detail, {"orders": seen, "reached": reached}))


def _read(statement: str, values: dict[str, Any], group_by: str) -> tuple[int, list[Row], tuple[datetime, UUID]]:
    """How many orders a page has, its sums, and the place of the last one."""
    try:
        with connection.cursor() as cursor:
            cursor.execute(statement, values)
            found = cursor.fetchall()
    except DatabaseError as error:
        if sqlstate(error) != _CANCELED:
            raise
        raise ProblemError(_too_large("the database could not sum it in time")) from error
    count, at, last_id = found[0][:3]
    names = VENUE_SUMS if group_by == VENUE else SUMS
    return count, [_row(row[3:], names) for row in found if row[4] is not None], (at, last_id)


def _row(columns: tuple[Any, ...], names: dict[str, str]) -> Row:
    *key, decimals_in, decimals_out, native, native_decimals = columns[:9]
    sums = {name: int(value or 0) for name, value in zip(names, columns[9:], strict=True)}
    return Row(RowKey(*key), sums, decimals_in, decimals_out, native, native_decimals)


def _statement(group_by: str, *, has_pair: bool) -> str:
    pair = _OF_PAIR if has_pair else ""
    ordered = f"ORDER BY created_at, id LIMIT {PAGE}"
    branches = " UNION ALL ".join(
        f"(SELECT created_at, id FROM orders_order WHERE {_WITHIN.format(part=part, pair=pair)} {ordered})"
        for part in _PARTS
    )
    body = _by_venue() if group_by == VENUE else _by_order(_GROUPS[group_by])
    return f"""
        WITH page AS MATERIALIZED (SELECT * FROM ({branches}) AS parts {ordered}),
        summed AS ({body}),
        ended AS (
            SELECT (SELECT count(*) FROM page) AS seen, last.created_at, last.id
            FROM (SELECT) AS one LEFT JOIN LATERAL (
                SELECT created_at, id FROM page ORDER BY created_at DESC, id DESC LIMIT 1) AS last ON true
        )
        SELECT ended.*, summed.* FROM ended LEFT JOIN summed ON true
    """


def _by_order(group: str) -> str:
    sums = ", ".join(f"{sql} AS {name}" for name, sql in SUMS.items())
    return f"""
        SELECT {group} AS of_group, o.chain_id, o.token_in, o.token_out, o.side,
               max(o.decimals_in), max(o.decimals_out), max(o.native_token), max(o.native_decimals), {sums}
        FROM page JOIN orders_order o ON o.id = page.id LEFT JOIN orders_order p ON p.id = o.parent_id
        WHERE NOT o.is_parent AND {_OF_TOKENS}
        GROUP BY of_group, o.chain_id, o.token_in, o.token_out, o.side
    """


def _by_venue() -> str:
    sums = ", ".join(f"{sql} AS {name}" for name, sql in VENUE_SUMS.items())
    return f"""
        SELECT h.venue AS of_group, o.chain_id, h.token_in, h.token_out, NULL::text AS side,
               max(i.decimals), max(u.decimals), NULL::text, NULL::int, {sums}
        FROM page JOIN orders_order o ON o.id = page.id {_SWAPS}
        LEFT JOIN orders_token i ON i.symbol = h.token_in LEFT JOIN orders_token u ON u.symbol = h.token_out
        WHERE {_OF_TOKENS}
        GROUP BY of_group, o.chain_id, h.token_in, h.token_out
    """


def _too_large(detail: str, facts: dict[str, Any] | None = None) -> Problem:
    return Problem("report_too_large", f"the report is too large: {detail}", facts=facts or {})
