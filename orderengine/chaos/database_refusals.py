"""Has PostgreSQL answer writes with errors, as on a full disk or after a failover, and take them again."""

from urllib.parse import quote

import psycopg

READ_ONLY = "25006"
# A demoted primary; a full disk; no connection left; a disk that fails; a pooler's own error, with a code and without.
STATES = (READ_ONLY, "53100", "53300", "58030", "08P01", "XX000")
# Sessions of the harness itself stay able to write.
WRITES = quote("-c default_transaction_read_only=off")
INSTALL = """
    CREATE TABLE IF NOT EXISTS chaos_refusal (state text NOT NULL);
    CREATE OR REPLACE FUNCTION chaos_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
    DECLARE code text; BEGIN
        SELECT state INTO code FROM chaos_refusal;
        IF code IS NOT NULL THEN RAISE EXCEPTION 'refused by the harness' USING ERRCODE = code; END IF;
        RETURN NEW;
    END $$;
    CREATE OR REPLACE TRIGGER chaos_refuse BEFORE INSERT OR UPDATE ON orders_order
        FOR EACH STATEMENT EXECUTE FUNCTION chaos_refuse();
"""
BEGIN = "INSERT INTO chaos_refusal SELECT %s WHERE NOT EXISTS (SELECT FROM chaos_refusal)"
OTHERS = """
    SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = current_user AND pid <> pg_backend_pid()
"""


class DatabaseRefusals:
    """Of one database, by its owner."""

    def __init__(self, url: str) -> None:
        self._url = f"{url}?options={WRITES}"

    def begin(self, state: str) -> None:
        """Answer every write of an order with this SQLSTATE. Once until `end`. Raises: psycopg.Error."""
        with self._connect() as database:
            if database.execute("SELECT to_regclass('chaos_refusal')").fetchone() == (None,):
                database.execute(INSTALL)
            if database.execute(BEGIN, [state]).rowcount and state == READ_ONLY:
                self._set_read_only(database, "on")

    def end(self) -> None:
        """Take writes again. Raises: psycopg.Error."""
        with self._connect() as database:
            database.execute("DELETE FROM chaos_refusal")
            self._set_read_only(database, "off")

    def _connect(self) -> "psycopg.Connection[tuple[object, ...]]":
        return psycopg.connect(self._url, autocommit=True, connect_timeout=2)

    def _set_read_only(self, database: "psycopg.Connection[tuple[object, ...]]", on: str) -> None:
        """For every session from now on. Those there are end, or keep it, as with a server that is demoted."""
        name = database.info.dbname
        database.execute(f'ALTER DATABASE "{name}" SET default_transaction_read_only = {on}'.encode())
        if on == "on":
            database.execute(OTHERS)
