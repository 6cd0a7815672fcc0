"""The limit of batches: the same rows written by pgbench alone, without an engine, on the same PostgreSQL.

Tables of the same columns, defaults, constraints and indexes (no triggers, no foreign keys) stand beside the engine's.
Finished orders serve as templates, so that every row is as wide as a real one; `bare.sql` writes them as an engine must
at least: five transactions for a batch.
"""

import re
import shutil
import subprocess
import tempfile
from pathlib import Path

import psycopg

from benchmarks.suite.bench import Bench
from benchmarks.suite.rows import OURS

SCRIPT = Path(__file__).with_name("bare.sql")
BATCH, CLIENTS = 100, 2
NEW_ID, NEW_KEY, NEW_HASH = "bare.new_id(:batch, t.n)", "bare.new_key(:batch, t.n)", "bare.new_hash(:batch, t.n)"
NOTHING_YET = (
    *("outcome", "route", "quoted_amount_in", "quoted_amount_out", "min_amount_out", "max_amount_in"),
    *("amount_in", "amount_out", "tx_hash", "network_fee_paid", "lease_until", "lease_token"),
)
# Our names: the engine's table, how its rows belong to order `o`, and what new rows have in place of the template's.
TABLES: dict[str, tuple[str, str, dict[str, str]]] = {
    "orders": (
        "orders_order",
        "e.id = o.id",
        {
            "id": NEW_ID,
            "status": "'PENDING'",
            "seq": "1",
            "created_at": "now()",
            "updated_at": "now()",
            "due_at": "now()",
        }
        | dict.fromkeys(NOTHING_YET, "NULL"),
    ),
    "events": (
        "orders_orderevent",
        "e.order_id = o.id",
        {"order_id": NEW_ID, "xid": "pg_current_xact_id()", "at": "now()"},
    ),
    "submissions": ("orders_submission", "e.order_id = o.id", {"id": NEW_ID, "order_id": NEW_ID, "nonce": NEW_KEY}),
    "signed": (
        "orders_signedtransaction",
        "e.submission_id IN (SELECT id FROM orders_submission WHERE order_id = o.id)",
        {"submission_id": NEW_ID, "tx_hash": NEW_HASH},
    ),
    "fills": ("orders_fill", "e.order_id = o.id", {"order_id": NEW_ID, "tx_hash": NEW_HASH}),
    "chain": ("simulated_chaintransaction", "e.tx_hash = o.tx_hash", {"tx_hash": NEW_HASH, "nonce": NEW_KEY}),
}
NEWEST = f"""(SELECT id, tx_hash, row_number() OVER () AS n FROM
    (SELECT id, tx_hash FROM orders_order WHERE status = 'CONFIRMED' ORDER BY id DESC LIMIT {BATCH}) newest) o"""
# Ids that rise with time, as the engine's do; hashes as wide as real ones.
FUNCTIONS = """
DROP SCHEMA IF EXISTS bare CASCADE;
CREATE SCHEMA bare;
CREATE SEQUENCE bare.batch;
CREATE FUNCTION bare.new_id(batch bigint, n bigint) RETURNS uuid IMMUTABLE LANGUAGE sql
    AS $$SELECT (lpad(to_hex(batch), 20, '0') || lpad(to_hex(n), 12, '0'))::uuid$$;
CREATE FUNCTION bare.new_key(batch bigint, n bigint) RETURNS bigint IMMUTABLE LANGUAGE sql
    AS $$SELECT batch * 1000 + n$$;
CREATE FUNCTION bare.new_hash(batch bigint, n bigint) RETURNS text IMMUTABLE LANGUAGE sql
    AS $$SELECT '0x' || md5(batch || '.' || n) || md5(n || '.' || batch)$$;
"""


def pgbench() -> str | None:
    """The program, of the system or of a PostgreSQL of Debian's; None where there is none."""
    debian = sorted(Path("/usr/lib/postgresql").glob("*/bin/pgbench"), key=lambda path: int(path.parts[-3]))
    return shutil.which("pgbench") or (str(debian[-1]) if debian else None)


def bare(bench: Bench) -> None:
    """Orders per second of bare SQL, and which share of it our batches reach."""
    program = pgbench()
    if program is None:
        print("bare SQL is not measured: there is no pgbench here (Debian: postgresql-contrib)", flush=True)
        return
    with psycopg.connect(bench.servers.database_url, autocommit=True) as database:
        script = prepared(database)
    per_s = BATCH * transactions_per_s(program, bench.servers.database_url, script, bench.plan.bare_s)
    bench.note(OURS, "bare", {"orders_per_s": per_s})
    for reached in bench.found.get(OURS, {}).get("batch.orders_per_s", []):
        bench.note(OURS, "bare", {"share": reached / per_s if reached else None})


def prepared(database: psycopg.Connection) -> str:
    """Make the tables and their templates out of finished orders; the script with its columns filled in."""
    database.execute(FUNCTIONS)
    names: dict[str, str] = {}
    for own, (table, belongs, changed) in TABLES.items():
        database.execute(f"CREATE TABLE bare.{own} (LIKE {table} INCLUDING ALL)")
        database.execute(f"CREATE TABLE bare.old_{own} AS SELECT o.n, e.* FROM {table} e JOIN {NEWEST} ON {belongs}")
        columns = [name for name in columns_of(database, table) if name != "id" or "id" in changed]
        names[f"{own}_columns"] = ", ".join(columns)
        names[f"{own}_values"] = ", ".join(changed.get(name, f"t.{name}") for name in columns)
    database.execute("ANALYZE bare.old_orders, bare.old_events")
    return SCRIPT.read_text(encoding="ascii").format(**names)


def columns_of(database: psycopg.Connection, table: str) -> list[str]:
    """The columns of a table, in their order."""
    found = database.execute(
        "SELECT column_name FROM information_schema.columns WHERE table_name = %s ORDER BY ordinal_position", [table]
    )
    return [name for (name,) in found.fetchall()]


def transactions_per_s(program: str, database_url: str, script: str, seconds: float) -> float:
    """Runs of the script per second, as pgbench counts them."""
    with tempfile.NamedTemporaryFile("w", suffix=".sql") as file:
        file.write(script)
        file.flush()
        timing = ["-T", str(max(1, round(seconds))), "-c", str(CLIENTS), "-j", "1"]
        argv = [program, "--no-vacuum", "--protocol=prepared", *timing, "-f", file.name, database_url]
        done = subprocess.run(argv, capture_output=True, text=True)
    found = re.search(r"^tps = ([\d.]+)", done.stdout, re.MULTILINE)
    if done.returncode or not found:
        raise SystemExit(f"error: pgbench ended with {done.returncode}:\n{done.stderr[-1000:]}")
    return float(found[1])
