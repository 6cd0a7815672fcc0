"""The market of an order, as the records hold it."""

import logging
import zlib
from uuid import UUID

from django.db import connection

from dex.recorded.canonical import RecordError
from dex.recorded.market import document_hash
from orders.models import MarketRecord
from orders.plan import MarketRef
from orders.snapshots.records import Snapshot, read_body, snapshot_of

logger = logging.getLogger(__name__)

# Series that one statement deletes: each has a market, and all that has changed in it for up to an hour.
AT_ONCE = 20
# How long after its beginning a record may be of a series, with room for clocks that differ.
SERIES_S = 7_200


def read_snapshot(ref: MarketRef) -> Snapshot | None:
    """The market that a route was found on; None where it is not kept any more."""
    rows = MarketRecord.objects.filter(series=UUID(ref.series), number__lte=ref.number).order_by("number")
    bodies = list(rows.values_list("body", flat=True))
    if len(bodies) != ref.number + 1:
        return None
    try:
        snapshot = snapshot_of([read_body(bytes(body)) for body in bodies], ref.place)
        reached = document_hash(snapshot.document)
    except (RecordError, KeyError, IndexError, TypeError, ValueError, zlib.error) as error:
        logger.error("the market %s of series %s cannot be read: %s", ref.hash, ref.series, error)
        return None
    if reached != ref.hash:
        logger.error("the record %s.%d holds the market %s, not %s", ref.series, ref.number, reached, ref.hash)
        return None
    return snapshot


def expire_snapshots(days: int) -> int:
    """Delete the series that began so many days ago and more; how many records went."""
    deleted = 0
    while True:
        with connection.cursor() as cursor:
            cursor.execute(_EXPIRE, {"days": days, "series_s": SERIES_S, "at_once": AT_ONCE})
            found, went = cursor.fetchone()
        deleted += int(went)
        if found < AT_ONCE:
            return deleted


# A UUIDv7 begins with its time: the lowest id of a moment has nothing but zeros behind it. One series after the other
# is found by the index, however many records each has.
_EXPIRE = """
    WITH RECURSIVE moment AS MATERIALIZED (
        SELECT (lpad(to_hex((extract(epoch FROM now()
            - %(days)s * interval '1 day' - %(series_s)s * interval '1 second') * 1000)::bigint), 12, '0')
            || repeat('0', 20))::uuid AS id
    ), old AS (
        (SELECT series FROM orders_marketrecord WHERE series < (SELECT id FROM moment) ORDER BY series LIMIT 1)
        UNION ALL
        SELECT (SELECT m.series FROM orders_marketrecord m
                WHERE m.series > old.series AND m.series < (SELECT id FROM moment) ORDER BY m.series LIMIT 1)
        FROM old WHERE old.series IS NOT NULL
    ), taken AS MATERIALIZED (
        SELECT series FROM old WHERE series IS NOT NULL LIMIT %(at_once)s
    ), gone AS (
        DELETE FROM orders_marketrecord WHERE series = ANY(ARRAY(SELECT series FROM taken)) RETURNING 1
    )
    SELECT (SELECT count(*) FROM taken), (SELECT count(*) FROM gone)
"""
