"""What lists, admin pages, logs, jobs and the life of orders cost beside a long history, against a short one.

    make bench ARGS="grow --orders 1000000 --plans"

On a PostgreSQL of its own in the temporary directory (TMPDIR names another one), which ten million orders should fill
with some 40 GB. Orders go in by COPY with five events each (orders/tests/history.py says of what kinds); what is rare
is old. The short history is the oldest and the newest of the long one, so that lists find the same. Each row is CPU, of
this process and of its database session, in milliseconds, with the short history and with the long one: the median of
several runs; and the pages of 8 kB that the session has looked at, which no other load on the machine changes. Reads
from disk are not in it. Open orders are few: they are the work that is left, and no part of the history. A row grows
where both figures do.
"""

import argparse
import json
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks.suite.alone import cost, enter

# What a row may cost more beside the long history: this ratio, or less than clocks tell from noise, or a page for each
# row that a list shows, since indexes are a page higher.
MOST_RATIO, LEAST_MS, LEAST_PAGES = 1.2, 0.3, 100
BATCH = 100
PAGE = 50
Subject = Callable[[], object]
_INDEXES = """
    SELECT indexrelid::regclass::text, pg_get_indexdef(indexrelid) FROM pg_index
    WHERE NOT indisunique AND indrelid = ANY(ARRAY['orders_order', 'orders_orderevent', 'orders_orderlabel',
        'orders_submission', 'orders_signedtransaction', 'orders_fill']::regclass[])
"""


class Effort(NamedTuple):
    """CPU in milliseconds, of this process and its database session together, and pages looked at."""

    ms: float
    pages: float

    def grows_to(self, other: "Effort") -> bool:
        """Whether the other is more than it may be."""
        slower = other.ms > MOST_RATIO * self.ms and other.ms - self.ms > LEAST_MS
        return slower and other.pages > MOST_RATIO * self.pages and other.pages - self.pages > LEAST_PAGES


def main() -> None:
    """Load, measure, load more, measure again, and print the table."""
    parser = argparse.ArgumentParser(prog="grow", description=__doc__)
    parser.add_argument("--orders", type=int, default=1_000_000, help="of the long history")
    parser.add_argument("--short", type=int, default=1_000, help="orders of the short one, half of them the oldest")
    parser.add_argument("--runs", type=int, default=15, help="of each row")
    parser.add_argument("--plans", action="store_true", help="print the plans of what grows")
    parser.add_argument("--only", default="", metavar="TEXT", help="rows whose name holds this")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the rows there too")
    chosen = parser.parse_args()
    enter("benchmarks.grow")
    _measure(chosen)


def _measure(chosen: argparse.Namespace) -> None:
    from orders.tests.history import load_history

    bench = _Bench(chosen.orders)
    ends = chosen.short // 2
    for numbers in (range(ends), range(chosen.orders - ends, chosen.orders)):
        load_history(bench.history, numbers)
    bench.vacuum()
    short = {name: bench.effort(run, chosen.runs) for name, run in bench.subjects() if chosen.only in name}
    started_at = time.monotonic()
    with bench.without_indexes():
        load_history(bench.history, range(ends, chosen.orders - ends))
    loaded_s = time.monotonic() - started_at
    bench.vacuum()
    print(f"{chosen.orders:,} orders in {bench.gigabytes():.1f} GB, loaded in {loaded_s:.0f} s", flush=True)
    rows = []
    for name, run in bench.subjects():
        if name not in short:
            continue
        before, after = short[name], bench.effort(run, chosen.runs)
        rows.append({"name": name, "short": before._asdict(), "long": after._asdict()})
        grows = before.grows_to(after)
        figures = f"{before.ms:9.2f}{after.ms:9.2f}{after.ms / before.ms:7.2f}{before.pages:9.0f}{after.pages:9.0f}"
        print(f"{'!' if grows else ' '} {name:<90}{figures}{after.pages / max(1, before.pages):7.2f}", flush=True)
        if grows and chosen.plans:
            bench.explain(run)
    if chosen.json:
        chosen.json.write_text(json.dumps({"orders": chosen.orders, "short": chosen.short, "rows": rows}, indent=1))


class _Bench:
    """An account with a history, another one that trades now, and an engine in this process."""

    def __init__(self, count: int) -> None:
        from django.contrib.auth import get_user_model
        from django.test import Client

        from dex import Engine
        from dex.chains.simulated import SimulatedChain, SimulatedOptions
        from orders.config import Policy
        from orders.models import Token, Wallet
        from orders.tests.factories import new_account
        from orders.tests.history import RARE_PAIR, History

        options = SimulatedOptions(
            block_time_ms=0, quote_delay_ms=0, build_delay_ms=0, submit_delay_ms=0, noise_trades=0
        )
        chain = SimulatedChain(options)
        chain.advance()
        self.engine, self.policy = Engine(chain), Policy()
        known = {token.symbol: token.decimals for token in chain.tokens()} | dict.fromkeys(RARE_PAIR, 9)
        Token.objects.bulk_create(
            [Token(symbol=symbol, name=symbol, decimals=decimals) for symbol, decimals in known.items()],
            ignore_conflicts=True,
        )
        account, other, self.trader = new_account(), new_account(), new_account()
        wallet = Wallet.objects.create(account=account, chain_id="simulated", address="w1", next_nonce=count)
        until = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=1)
        self.history = History(account, wallet, other, count, until)
        self.browser = Client(headers={"Host": "localhost"})
        self.browser.force_login(get_user_model().objects.create_superuser("boss", "", "a-long-password"))

    def subjects(self) -> Iterator[tuple[str, Subject]]:
        """What is measured, by name."""
        yield f"life of {BATCH} orders: accept, claim, settle", self._live
        yield from self._jobs()
        yield from self._lists()
        yield from self._pages()

    def _live(self) -> None:
        from orders.models import Order
        from orders.pipeline.loop import run_stage
        from orders.states import Stage
        from orders.tests.factories import place, terms

        place(self.trader, *(terms(amount=10**6) for _ in range(BATCH)))
        while Order.objects.filter(account=self.trader, outcome__isnull=True).exists():
            for stage in Stage:
                run_stage(stage, engine=self.engine, policy=self.policy)

    def _jobs(self) -> Iterator[tuple[str, Subject]]:
        from django.db import transaction

        from orders.tests.order_list.test_jobs import JOBS

        def undone(job: Any) -> None:
            with transaction.atomic():
                job(self.history, self.engine)
                transaction.set_rollback(True)

        for name, job in JOBS.items():
            yield f"job: {name}", lambda job=job: undone(job)  # type: ignore[misc]

    def _lists(self) -> Iterator[tuple[str, Subject]]:
        from orders.inputs.filters import LIST_NAMES, REPEATABLE, read_wanted
        from orders.inputs.query import Query
        from orders.order_list.pages import read_page
        from orders.tests.order_list.test_plans import combined

        for words in combined(self.history):
            if len(words) <= 2:
                wanted = read_wanted(Query(words.items(), LIST_NAMES, REPEATABLE))
                name = "&".join(f"{name}={','.join(values)}" for name, values in words.items())
                yield (
                    f"GET /orders?{name}",
                    lambda wanted=wanted: read_page(self.history.account.pk, wanted, PAGE + 1),  # type: ignore[misc]
                )

    def _pages(self) -> Iterator[tuple[str, Subject]]:
        from orders.tests.order_list.test_admin_lists import MODELS, choices, searches

        for model in MODELS:
            for query in ("", "?p=2", *choices(model), *(f"?q={word}" for word in searches(self.history)[model])):
                address = f"/admin/orders/{model._meta.model_name}/{query}"
                yield f"page: {address}", lambda address=address: self._open(address)  # type: ignore[misc]

    def _open(self, address: str) -> None:
        answer = self.browser.get(address)
        assert answer.status_code == 200, (address, answer.status_code)

    def effort(self, run: Subject, runs: int) -> Effort:
        """The medians; the first two runs only warm up."""
        took = []
        for _ in range(runs + 2):
            pages, ms = self._pages_seen(), sum(cost(run))
            took.append(Effort(ms, self._pages_seen() - pages))
        return Effort(*(statistics.median(figures) for figures in zip(*took[2:], strict=True)))

    def _pages_seen(self) -> float:
        """By this session so far."""
        from django.db import connection

        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_stat_force_next_flush()")
            cursor.execute(
                "SELECT sum(coalesce(hits, 0) + coalesce(read_bytes, 0) / current_setting('block_size')::int)"
                " FROM pg_stat_get_backend_io(pg_backend_pid())"
            )
            return float(cursor.fetchone()[0])

    @contextmanager
    def without_indexes(self) -> Iterator[None]:
        """What is loaded meanwhile gets its indexes, but for unique ones, at the end: a fraction of the time."""
        from django.db import connection

        with connection.cursor() as cursor:
            cursor.execute(_INDEXES)
            indexes = cursor.fetchall()
            for name, _ in indexes:
                cursor.execute(f"DROP INDEX {name}")
            yield
            cursor.execute("SET maintenance_work_mem = '1GB'")
            for _, definition in indexes:
                cursor.execute(definition)

    def vacuum(self) -> None:
        """As autovacuum would have left the tables."""
        from django.db import connection

        with connection.cursor() as cursor:
            cursor.execute("VACUUM ANALYZE")

    def gigabytes(self) -> float:
        """Of the database."""
        from django.db import connection

        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_database_size(current_database())")
            return float(cursor.fetchone()[0]) / 1e9

    def explain(self, run: Subject) -> None:
        """Print the plan of each statement that it runs and that takes more than nothing."""
        from django.db import connection, transaction
        from django.test.utils import CaptureQueriesContext

        with CaptureQueriesContext(connection) as queries:
            run()
        for query in queries:
            sql = query["sql"]
            if not sql.lstrip().startswith(("SELECT", "WITH", "UPDATE")) or float(query["time"]) < LEAST_MS / 1000:
                continue
            print(f"    {' '.join(sql.split())[:400]}")
            with transaction.atomic(), connection.cursor() as cursor:
                cursor.execute(f"EXPLAIN ({'' if 'INSERT INTO' in sql else 'ANALYZE, '}BUFFERS) {sql}")
                for (line,) in cursor.fetchall():
                    print(f"      {line}")
                transaction.set_rollback(True)


if __name__ == "__main__":
    main()
