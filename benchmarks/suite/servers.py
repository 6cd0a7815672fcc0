"""The PostgreSQL and Valkey that every engine under test shares: as `make run` has them, on data of their own."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg

from benchmarks.suite.supervised import processes, supervised
from orderengine.environment.state_files import read_table

NAMES = {"postgres", "valkey"}


@dataclass(frozen=True, slots=True)
class Servers:
    """Where they are."""

    directory: Path
    database_url: str
    redis: dict[str, str]

    @property
    def engine_state(self) -> Path:
        """Where the engine under test keeps its state, empty at each start."""
        return self.directory / "engine"

    def processes(self) -> dict[str, int]:
        """Process ids by name."""
        return processes(self.directory / "servers")

    def make_database(self, name: str) -> str:
        """A fresh database beside the engine's; its address."""
        with psycopg.connect(self.database_url, autocommit=True) as connection:
            connection.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
            connection.execute(f'CREATE DATABASE "{name}"')
        return urlunsplit(urlsplit(self.database_url)._replace(path=f"/{name}"))


@contextmanager
def shared_servers(*, keep_commit_times: bool = False) -> Iterator[Servers]:
    """Start both; end them, and remove their data, with the block.

    `keep_commit_times` has PostgreSQL note when each transaction committed (`track_commit_timestamp`), for all alike.
    """
    with tempfile.TemporaryDirectory(prefix="order-engine-bench-", dir=os.environ.get("BENCH_DIR")) as name:
        directory = Path(name)
        # The account that PostgreSQL runs as enters it.
        directory.chmod(0o711)
        if keep_commit_times:
            with _up(directory):
                pass  # the data directory is made at the first start
            with (directory / "servers/postgres/data/postgresql.auto.conf").open("a", encoding="ascii") as settings:
                settings.write("track_commit_timestamp = on\n")
        with _up(directory) as servers:
            yield servers


@contextmanager
def _up(directory: Path) -> Iterator[Servers]:
    state = directory / "servers"
    with supervised(["--only-servers"], {}, state, lambda: _is_up(state)):
        table = read_table(state, "environment")
        redis = {name: str(table[name]) for name in ("REDIS_HOST", "REDIS_PORT", "REDIS_PASSWORD")}
        yield Servers(directory, str(table["DATABASE_URL"]), redis)


def _is_up(state: Path) -> bool:
    return bool(read_table(state, "environment")) and processes(state).keys() >= NAMES
