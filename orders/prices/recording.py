"""Notes the market's prices for charts: every few seconds, of each pair that a pool trades directly."""

from collections.abc import Mapping

from django.db import connection

from dex import Engine, MarketPrices, RetryableError
from dex.deadline import within
from orders.amounts import in_units, shown_price
from orders.database.recordset import recordset
from orders.models.waiting import LEAST_PRICE, MOST_PRICE
from orders.prices.grid import SPANS
from orders.selectors import read_tokens

# Pairs of a chain, of those that there are more of the first by name. Each direction is a pair of its own.
MOST_PAIRS = 256

# Of a bucket that is there already only what changes is written: a market that stands still costs new buckets alone.
_NOTE = """
    INSERT INTO orders_pricebucket AS b (chain_id, token_in, token_out, span_s, at, first, low, high, last)
    SELECT %(chain_id)s, v.token_in, v.token_out, s.span_s,
           date_bin(s.span_s * interval '1 second', now(), 'epoch'::timestamptz), v.mid, v.mid, v.mid, v.mid
    FROM jsonb_to_recordset(%(rows)s::jsonb) AS v(token_in text, token_out text, mid numeric)
    CROSS JOIN unnest(%(spans)s::int[]) AS s(span_s)
    ORDER BY v.token_in, v.token_out, s.span_s
    ON CONFLICT (chain_id, token_in, token_out, span_s, at) DO UPDATE
    SET low = least(b.low, excluded.low), high = greatest(b.high, excluded.high), last = excluded.last
    WHERE b.last <> excluded.last OR b.low > excluded.low OR b.high < excluded.high
"""
_EXPIRE = """
    DELETE FROM orders_pricebucket b USING unnest(%(spans)s::int[], %(kept)s::int[]) AS s(span_s, kept_s)
    WHERE b.span_s = s.span_s AND b.at < now() - (s.kept_s + s.span_s) * interval '1 second'
"""
_SPANS = [span.width_s for span in SPANS]


def note_market(engine: Engine) -> int:
    """Note the prices of the newest block under the database's time; of how many pairs.

    0 where the chain cannot be asked now: charts have a gap there.
    """
    tokens = {symbol: token.decimals for symbol, token in read_tokens().by_symbol.items() if token.is_enabled}
    try:
        with within(engine.chain.timing.answer_s):
            market = engine.prices(None)
    except RetryableError:
        return 0
    rows = _rows(market, tokens)[:MOST_PAIRS]
    if rows:
        with connection.cursor() as cursor:
            cursor.execute(_NOTE, {"chain_id": engine.chain.chain_id, "rows": recordset(rows), "spans": _SPANS})
    return len(rows)


def expire_prices() -> int:
    """Delete what is older than it is kept; how many buckets."""
    with connection.cursor() as cursor:
        cursor.execute(_EXPIRE, {"spans": _SPANS, "kept": [span.kept_s for span in SPANS]})
        return int(cursor.rowcount)


def _rows(market: MarketPrices, decimals: Mapping[str, int]) -> list[dict[str, str]]:
    """Pairs with their mid prices in token units, as events show prices; without those that have none."""
    rows = []
    for (token_in, token_out), price in market.by_pair.items():
        if price.mid is not None and token_in in decimals and token_out in decimals:
            mid = in_units(price.mid, decimals[token_in], decimals[token_out])
            if LEAST_PRICE <= mid <= MOST_PRICE:
                rows.append({"token_in": token_in, "token_out": token_out, "mid": shown_price(mid)})
    return rows
