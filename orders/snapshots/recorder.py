"""Makes the records of the batches that a process routes, each in the series of the one before.

A record says what changed since the one before it, which must be there for good: it goes on only from one whose
transaction has committed. Where that is not known, another series begins, with the whole market. So it does after a
while: a series is read from its first record on, and goes as a whole when it is old.
"""

import logging
import os
import threading
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from weakref import WeakKeyDictionary

from uuid_utils.compat import uuid7

from dex import Engine
from dex.trace import RoutingTrace
from orders.database.recordset import recordset, to_json
from orders.plan import MarketRef
from orders.snapshots.records import NOTHING, KnownPools, write_record

logger = logging.getLogger(__name__)

# Records of a series, and how long it goes on.
MOST_RECORDS = 256
MOST_S = 3_600.0
# Of one record: a statement takes no more than 256 MB of its text, in which each byte has two digits.
MOST_BYTES = 64 * 1024 * 1024

# Beside a change that gives orders their route, as CTEs of its statement: orders/pipeline/transition.py.
KEEP = """
    kept AS (
        INSERT INTO orders_marketrecord (series, number, body)
        SELECT * FROM jsonb_to_recordset(%(markets)s::jsonb) AS v(series uuid, number int, body bytea)
        ON CONFLICT DO NOTHING
    )"""


@dataclass(slots=True)
class _Series:
    """One series as far as it is stored."""

    name: str
    began_s: float
    pid: int
    number: int = 0
    known: KnownPools = NOTHING


@dataclass(slots=True)
class Kept:
    """A record that is to be stored with the first change that names it."""

    series: str
    number: int
    body: bytes
    refs: Sequence[MarketRef | None]
    _recorder: "Recorder"
    _after: _Series
    _is_stored: bool = False

    def committed(self) -> None:
        """Call when a transaction that has stored it is committed; a batch may be stored in several."""
        if not self._is_stored:
            self._is_stored = True
            self._recorder.go_on(self._after)


class Recorder:
    """Of one process. Threads that route at the same time have a series each."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._series: _Series | None = None

    def record(self, trace: RoutingTrace, chain_id: str) -> Kept | None:
        """What the batch was routed on; None where no order of it has a route.

        No order fails for want of a record: an error is logged, and the batch goes without.
        """
        if trace.market is None or all(traced.quote is None for traced in trace.requests):
            return None
        try:
            return self._record(trace, chain_id)
        except Exception:
            logger.exception("the market of a batch cannot be recorded")
            return None

    def go_on(self, series: _Series) -> None:
        """A record is stored: the next may follow it."""
        with self._lock:
            self._series = series

    def _record(self, trace: RoutingTrace, chain_id: str) -> Kept:
        assert trace.market is not None
        with self._lock:
            series, self._series = self._series, None
        known = NOTHING if series is None else series.known
        if series is None or not self._may_follow(series, trace):
            series = _Series(str(uuid7()), time.monotonic(), os.getpid(), known=known)
        written = write_record(trace, chain_id, series.known, series.name, series.number)
        if len(written.body) > MOST_BYTES:
            raise ValueError(f"its record has {len(written.body):,} bytes, at most {MOST_BYTES:,} are stored")
        after = _Series(series.name, series.began_s, series.pid, series.number + 1, written.known)
        return Kept(series.name, series.number, written.body, written.refs, self, after)

    def _may_follow(self, series: _Series, trace: RoutingTrace) -> bool:
        assert trace.market is not None
        return (
            series.pid == os.getpid()  # a child that was forked goes its own way
            and series.number < MOST_RECORDS
            and time.monotonic() - series.began_s < MOST_S
            and series.known.may_become(trace.market.pools)
        )


_recorders: WeakKeyDictionary[Engine, Recorder] = WeakKeyDictionary()


def recorder_of(engine: Engine) -> Recorder:
    """The recorder of this process for an engine."""
    return _recorders.setdefault(engine, Recorder())


def kept_beside(kept: Iterable["Kept | None"]) -> dict[str, str]:
    """The parameters of `KEEP` for the records of a batch, each once."""
    records = {(item.series, item.number): item for item in kept if item is not None}
    return {
        "markets": recordset(
            {"series": series, "number": number, "body": to_json(item.body)}
            for (series, number), item in records.items()
        )
    }
