"""A pair's prices over time for an account: what was noted of the market, and its own fills, in buckets."""

from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from django.db import connection

from orders.models import Account, Token
from orders.presentation.prices import Bucket, Fills, MarketPrice, Series
from orders.prices.grid import Grid, grid
from orders.selectors import archived_months

# Fills of an answer that are counted, of each direction, the newest; as many again of those that were filled late.
MOST_FILLS = 10_000

_MARKET = """
    SELECT floor((extract(epoch FROM at) - %(start_s)s) / %(width_s)s)::int AS number,
           (array_agg(first ORDER BY at))[1], min(low), max(high), (array_agg(last ORDER BY at DESC))[1]
    FROM orders_pricebucket
    WHERE chain_id = %(chain_id)s AND token_in = %(first)s AND token_out = %(second)s AND span_s = %(span_s)s
        AND at >= %(start)s AND at < %(end)s
    GROUP BY number
"""
# Orders of one direction that were filled soon after they were placed, by the index on when that was, and those that
# were filled late, by the index on when they were filled: together all that were filled within the range.
_COLUMNS = "id, updated_at, created_at, amount_in, amount_out"
_OF_PAIR = """
        SELECT {columns}, {is_sale} AS is_sale FROM orders_order
        WHERE account_id = %(account)s AND outcome = 'filled' AND token_in = %({given})s
            AND token_out = %({got})s AND chain_id = %(chain_id)s AND NOT is_parent
            AND updated_at >= %(start)s AND updated_at < %(end)s"""
_SOON = """
            AND updated_at - created_at <= interval '1 minute'
            AND created_at >= %(start)s::timestamptz - interval '1 minute' AND created_at < %(end)s
        ORDER BY created_at DESC, id DESC LIMIT %(most)s"""
_LATE = """
            AND updated_at - created_at > interval '1 minute'
        ORDER BY updated_at DESC LIMIT %(most)s"""
_DIRECTIONS = {
    "sold": _OF_PAIR.format(columns=_COLUMNS, is_sale="true", given="first", got="second"),
    "bought": _OF_PAIR.format(columns=_COLUMNS, is_sale="false", given="second", got="first"),
}
_BRANCHES = {
    f"{name}_{kind}": sql + way for name, sql in _DIRECTIONS.items() for kind, way in (("soon", _SOON), ("late", _LATE))
}
# From when on all fills are there: what a branch has left out was filled before that.
_CUTS = " UNION ALL ".join(
    f"SELECT CASE WHEN count(*) >= %(most)s THEN min({'updated_at' if name.endswith('late') else 'created_at'})"
    f" + interval '{0 if name.endswith('late') else 1} minute' END AS since FROM {name}"
    for name in _BRANCHES
)
_FILLS = f"""
    WITH {", ".join(f"{name} AS MATERIALIZED ({sql})" for name, sql in _BRANCHES.items())},
    cut AS (SELECT max(since) AS since FROM ({_CUTS}) AS cuts),
    found AS ({" UNION ALL ".join(f"SELECT * FROM {name}" for name in _BRANCHES)}),
    grouped AS (
        SELECT floor((extract(epoch FROM updated_at) - %(start_s)s) / %(width_s)s)::int AS number, is_sale,
               count(*) AS orders, sum(amount_in) AS amount_in, sum(amount_out) AS amount_out,
               (array_agg(id ORDER BY updated_at DESC, id DESC))[1] AS newest
        FROM found CROSS JOIN cut WHERE cut.since IS NULL OR updated_at >= cut.since
        GROUP BY number, is_sale
    )
    SELECT cut.since, g.number, g.is_sale, g.orders, g.amount_in, g.amount_out, g.newest
    FROM cut LEFT JOIN grouped g ON true
"""


class Asked(NamedTuple):
    """What a caller wants to see: of the pair, from one time up to another, in at most so many points."""

    first: Token
    second: Token
    after: datetime
    before: datetime
    points: int


def price_series(account: Account, chain_id: str, asked: Asked, now: datetime) -> Series:
    """The prices. `now` is the database's time."""
    made = grid(_seconds(asked.after), _seconds(asked.before), asked.points, _seconds(now))
    values = _values(account, chain_id, asked, made)
    with connection.cursor() as cursor:
        cursor.execute(_MARKET, values)
        market = {number: MarketPrice(*prices) for number, *prices in cursor.fetchall()}
        cursor.execute(_FILLS, values)
        rows = cursor.fetchall()
    fills = {(row[1], row[2]): _fills(row, asked) for row in rows if row[1] is not None}
    numbers = sorted(market.keys() | {number for number, _ in fills})
    buckets = [
        Bucket(
            _time(made.start_s + number * made.width_s),
            market.get(number),
            fills.get((number, True)),
            fills.get((number, False)),
        )
        for number in numbers
    ]
    return Series(
        pair=(asked.first.symbol, asked.second.symbol),
        chain_id=chain_id,
        start=_time(made.start_s),
        end=asked.before,
        width_s=made.width_s,
        buckets=buckets,
        fills_since=rows[0][0],
        archived=archived_months(_time(made.start_s), asked.before),
    )


def _values(account: Account, chain_id: str, asked: Asked, made: Grid) -> dict[str, Any]:
    return {
        "account": account.pk,
        "chain_id": chain_id,
        "first": asked.first.symbol,
        "second": asked.second.symbol,
        "start": _time(made.start_s),
        "end": asked.before,
        "start_s": made.start_s,
        "width_s": made.width_s,
        "span_s": made.span_s,
        "most": MOST_FILLS,
    }


def _fills(row: tuple[Any, ...], asked: Asked) -> Fills:
    _, _, is_sale, orders, amount_in, amount_out, newest = row
    decimals = (asked.first.decimals, asked.second.decimals)
    return Fills(is_sale, orders, int(amount_in), int(amount_out), decimals if is_sale else decimals[::-1], newest)


def _seconds(at: datetime) -> int:
    """Whole seconds since 1970: the end of the second for a time within it, so that it is before that."""
    return -int((_EPOCH - at) // timedelta(seconds=1))


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def _time(seconds: int) -> datetime:
    return _EPOCH + timedelta(seconds=seconds)
