"""An embedded PostgreSQL: made once, started on loopback, open to one role that is no superuser."""

import os
import re
import shutil
import signal
import subprocess
from pathlib import Path

from orderengine.devstack.account import Account
from orderengine.devstack.binaries import Postgres
from orderengine.devstack.children import Command
from orderengine.devstack.state import secret
from orderengine.refusal import Refusal

ROLE = "engine"
DATABASE = "order_db"
# No role but this one gets in, not even the superuser; there is no socket either.
HBA = f"host all {ROLE} 127.0.0.1/32 scram-sha-256\n"
SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "max_connections": "60",
    "shared_buffers": "128MB",
    "jit": "off",
    "autovacuum_max_workers": "2",
    # No replicas here: the least to write and the fewest processes.
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "max_logical_replication_workers": "0",
    "min_wal_size": "64MB",
    # Errors of statements belong to their clients.
    "log_min_messages": "fatal",
}
# Passwords are 256 random bits, so stretching them buys nothing; a connection costs 3 ms instead of 7.
SETTINGS_SINCE = {16: {"scram_iterations": "1"}, 18: {"io_method": "sync"}}
# For data that is thrown away.
SETTINGS_THROW_AWAY = {"fsync": "off", "full_page_writes": "off", "autovacuum": "off"}


class PostgresServer:
    """The server whose data and password are in `home`, run by `account` (None: by ourselves)."""

    name = "postgres"
    preferred_port = 5432

    def __init__(self, installed: Postgres, home: Path, account: Account | None, *, throw_away: bool) -> None:
        self._installed = installed
        self._home = home
        self._data = home / "data"
        self._account = account
        self._throw_away = throw_away

    def prepare(self) -> None:
        """Make the data directory at first use. Raises: Refusal when what is there is not ours."""
        if self._data.exists():
            self._refuse_foreign()
            return
        fresh = self._home / "data.new"
        shutil.rmtree(fresh, ignore_errors=True)
        fresh.mkdir(mode=0o700)
        if self._account:
            os.chown(fresh, self._account.uid, self._account.gid)
        self._initdb(fresh)
        (fresh / "pg_hba.conf").write_text(HBA, encoding="ascii")
        self._create_role(fresh)
        # Only a finished data directory gets the name, so an interrupted start begins again.
        fresh.rename(self._data)

    def command(self, port: int) -> Command:
        """How to start it on this port."""
        program = self._installed.program("postgres")
        return Command(
            self.name,
            [program, "-D", str(self._data), *self._flags(), "-c", f"port={port}"],
            environment=_environment(),
            directory=self._home,
            kind="SERVER",
            stop_signal=signal.SIGINT,
            account=self._account,
            mute=re.compile(r"terminating connection due to administrator command"),
        )

    def is_ready(self, port: int) -> bool:
        """Whether it accepts connections: the eighth line of its pid file says so, as pg_ctl reads it."""
        try:
            lines = (self._data / "postmaster.pid").read_text(encoding="utf-8").splitlines()
        except OSError:
            return False
        return len(lines) >= 8 and lines[3].strip() == str(port) and lines[7].strip() == "ready"

    def environment(self, port: int) -> dict[str, str]:
        """What its users must know."""
        return {"DATABASE_URL": f"postgresql://{ROLE}:{self._password()}@127.0.0.1:{port}/{DATABASE}"}

    def _password(self) -> str:
        return secret(self._home / "password")

    def _flags(self) -> list[str]:
        settings = dict(SETTINGS)
        for major, more in SETTINGS_SINCE.items():
            if self._installed.major >= major:
                settings |= more
        if self._throw_away:
            settings |= SETTINGS_THROW_AWAY
        return [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]

    def _refuse_foreign(self) -> None:
        version = self._data / "PG_VERSION"
        away = f"move {self._home} away to start with an empty database, or set DATABASE_URL."
        if not self._account and self._data.stat().st_uid != os.geteuid():
            raise Refusal(f"The data in {self._data} belong to another user.", f"run as that user, or {away}")
        if not version.exists() or not (self._home / "password").exists():
            raise Refusal(f"{self._data} is not a database that this engine made.", away)
        major = version.read_text(encoding="ascii").strip()
        if major != str(self._installed.major):
            raise Refusal(
                f"The data in {self._data} are of PostgreSQL {major}, and this is PostgreSQL {self._installed.major}.",
                f"dump them with PostgreSQL {major} if you need them, then {away}",
            )

    def _initdb(self, data: Path) -> None:
        argv = [self._installed.program("initdb"), "-D", str(data), "-U", "postgres", "--auth=reject"]
        argv += ["--encoding=UTF8", "--locale=C", "--no-instructions"]
        if self._installed.major >= 17:
            argv += ["--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
        if self._throw_away:
            argv.append("--no-sync")
        self._run(argv)

    def _create_role(self, data: Path) -> None:
        # Single-user mode reads statements from standard input, so the password stands in no list of processes.
        argv = [self._installed.program("postgres"), "--single", "-D", str(data), *self._flags(), "postgres"]
        self._run(
            argv,
            f"CREATE ROLE {ROLE} LOGIN CREATEDB PASSWORD '{self._password()}';\n"
            f"GRANT pg_monitor TO {ROLE};\n"
            f"CREATE DATABASE {DATABASE} OWNER {ROLE};\n",
        )

    def _run(self, argv: list[str], text: str = "") -> None:
        account = self._account.popen() if self._account else {}
        done = subprocess.run(
            argv, input=text, env=_environment(), cwd=self._home, capture_output=True, text=True, **account
        )
        if done.returncode or re.search(r"\b(ERROR|FATAL|PANIC):", done.stderr):
            lines = [line for line in done.stderr.splitlines() if line.strip()] or ["it said nothing"]
            raise Refusal(
                f"PostgreSQL could not make its data directory in {self._home}: {lines[-1].strip()}",
                "free some space or choose another place (STATE_DIR=/some/where make run), or set DATABASE_URL.",
            )


def _environment() -> dict[str, str]:
    # The time zone is given because looking for the machine's takes longer than everything else at the start.
    return {"PATH": "/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"}
