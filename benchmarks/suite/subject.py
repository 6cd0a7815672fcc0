"""An engine under test as the suite drives it, ours or the peer: how it is asked, and how its rows are read."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import psycopg

from benchmarks.suite.engine import ORDERS
from benchmarks.suite.load import Job

FAILED = "SELECT count(*) FROM {} WHERE status = 'FAILED' AND created_at > to_timestamp(%s)"
LAST_END = "SELECT extract(epoch FROM max(updated_at))::float8 FROM {} WHERE updated_at > to_timestamp(%s)"
PEERS_ORDERS = ('{"input_token":"SOL","output_token":"USDC","amount":1.5}',)


@dataclass(frozen=True, slots=True)
class Dialect:
    """What differs between the two engines' public doors, and in what their tables tell."""

    name: str
    path: str
    bodies: tuple[str, ...]
    id_field: str
    socket_path: str
    # How many orders have not ended, and what the last one's end was (epoch seconds).
    open_sql: str
    last_end_sql: str
    failed_sql: str
    # Epoch seconds at which the transaction that CONFIRMED each of these orders committed.
    commits_sql: str
    batch_path: str = ""

    def batch(self, size: int) -> tuple[str, ...]:
        """Bodies of requests that hold `size` orders each."""
        return (f'{{"orders":[{",".join(self.bodies[i % len(self.bodies)] for i in range(size))}]}}',)


OURS = Dialect(
    name="ours",
    path="/api/v1/orders",
    bodies=ORDERS,
    id_field="id",
    socket_path="/orders/{}?after=0",
    # In the form of the stages' own partial indexes, so that asking costs nothing.
    open_sql=(
        "SELECT (SELECT count(*) FROM orders_order WHERE status IN ('PENDING', 'ROUTING'))"
        " + (SELECT count(*) FROM orders_order WHERE status = 'BUILDING' AND tx_hash IS NULL)"
        " + (SELECT count(*) FROM orders_order WHERE status = 'BUILDING' AND tx_hash IS NOT NULL)"
        " + (SELECT count(*) FROM orders_order WHERE status = 'SUBMITTED')"
    ),
    last_end_sql=LAST_END.format("orders_order"),
    failed_sql=FAILED.format("orders_order"),
    commits_sql=(
        "SELECT order_id::text, extract(epoch FROM pg_xact_commit_timestamp(xid::xid))::float8"
        " FROM orders_orderevent WHERE order_id = ANY(%s::uuid[]) AND status = 'CONFIRMED'"
    ),
    batch_path="/api/v1/orders/batch",
)
PEER = Dialect(
    name="peer",
    path="/api/orders",
    bodies=PEERS_ORDERS,
    id_field="orderId",
    socket_path="/orders/{}",
    open_sql="SELECT count(*) FROM orders WHERE status NOT IN ('CONFIRMED', 'FAILED')",
    last_end_sql=LAST_END.format("orders"),
    failed_sql=FAILED.format("orders"),
    commits_sql=(
        "SELECT id::text, extract(epoch FROM pg_xact_commit_timestamp(xmin))::float8"
        " FROM orders WHERE id = ANY(%s::uuid[]) AND status = 'CONFIRMED'"
    ),
)


@dataclass(frozen=True, slots=True)
class Subject:
    """A running engine: its dialect, where it is, and the processes that work for it, with the servers' own."""

    dialect: Dialect
    url: str
    database: psycopg.Connection
    roots: Callable[[], Mapping[str, int]]

    def job(self, seconds: float, *, connections: int = 50, rate: float = 0.0, follow: int = 0, batch: int = 1) -> Job:
        """A load for it. Where it takes no batches, orders go one by one."""
        takes_batches = batch > 1 and bool(self.dialect.batch_path)
        return Job(
            url=self.url,
            path=self.dialect.batch_path if takes_batches else self.dialect.path,
            bodies=self.dialect.batch(batch) if takes_batches else self.dialect.bodies,
            seconds=seconds,
            connections=connections,
            rate=rate,
            follow=follow,
            id_field=self.dialect.id_field,
            socket_path=self.dialect.socket_path,
        )

    def open_orders(self) -> int:
        """Orders that have not ended."""
        return int(self._one(self.dialect.open_sql))

    def last_end(self, since: float) -> float:
        """When the last order since then ended, by the database's clock, which is this machine's."""
        return float(self._one(self.dialect.last_end_sql, since))

    def failed(self, since: float) -> int:
        """Orders placed since then that have FAILED."""
        return int(self._one(self.dialect.failed_sql, since))

    def commits(self, order_ids: list[str]) -> dict[str, float]:
        """When each order's CONFIRMED was committed."""
        return dict(self.database.execute(self.dialect.commits_sql, [order_ids]).fetchall())

    def _one(self, sql: str, *parameters: float) -> float:
        row = self.database.execute(sql, parameters).fetchone()
        assert row
        return row[0] or 0
