"""A real PgBouncer before the tests' PostgreSQL, on a port of its own."""

import os
import re
import shutil
import subprocess
import tempfile
import time
from pathlib import Path
from types import TracebackType
from urllib.parse import urlsplit

import psycopg
from django.db import connection

from orderengine.devstack.account import server_account
from orderengine.devstack.environment import free_port

MISSING = "NOT TESTED: pgbouncer is not installed (Debian: apt-get install pgbouncer)"
# Of the server, for all clients together: fewer than they are, so that they have to change.
SESSIONS = 2
UP_WITHIN_S = 10.0


def binary() -> str | None:
    """Where it is, if it is there."""
    return shutil.which("pgbouncer", path=f"{os.environ.get('PATH', '')}:/usr/sbin")


def version() -> tuple[int, int]:
    """Of the one that is installed; (0, 0) for none."""
    if (program := binary()) is None:
        return 0, 0
    said = subprocess.run([program, "--version"], capture_output=True, text=True, check=True).stdout
    found = re.search(r"PgBouncer (\d+)\.(\d+)", said)
    assert found, said
    return int(found[1]), int(found[2])


class PgBouncer:
    """Within `with`, `url` leads through it."""

    def __init__(self, pool_mode: str, *, prepared: int = 0) -> None:
        program = binary()
        assert program
        server = connection.settings_dict
        self._home = tempfile.TemporaryDirectory(prefix="orderengine-pgbouncer-")
        home, self.port = Path(self._home.name), free_port()
        own = urlsplit(os.environ["DATABASE_URL"])
        name = server["NAME"]
        self.url = f"postgresql://{own.username}:{own.password}@127.0.0.1:{self.port}/{name}"
        lines = [
            "[databases]",
            f"{name} = host={server['HOST']} port={server['PORT']} user={server['USER']} password={server['PASSWORD']}",
            "[pgbouncer]",
            f"listen_addr = 127.0.0.1\nlisten_port = {self.port}\nunix_socket_dir =",
            f"auth_type = any\npool_mode = {pool_mode}\ndefault_pool_size = {SESSIONS}\nquery_wait_timeout = 10",
            *([f"max_prepared_statements = {prepared}"] if version() >= (1, 21) else []),
        ]
        config = home / "pgbouncer.ini"
        config.write_text("\n".join(lines) + "\n")
        self._said = (home / "said").open("w+")
        # It refuses to run as root, as PostgreSQL does.
        account = server_account(home / "none")
        if account is not None:
            for path in (home, config):
                os.chown(path, account.uid, account.gid)
        self._process = subprocess.Popen(
            [program, str(config)], stdout=self._said, stderr=self._said, **(account.popen() if account else {})
        )

    def __enter__(self) -> "PgBouncer":
        ends_at = time.monotonic() + UP_WITHIN_S
        while True:
            try:
                psycopg.connect(self.url).close()
                return self
            except psycopg.OperationalError:
                assert self._process.poll() is None, self.said()
                assert time.monotonic() < ends_at, self.said()
                time.sleep(0.05)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.kill()
        self._process.wait()
        self._said.close()
        self._home.cleanup()

    def said(self) -> str:
        """Its log."""
        self._said.seek(0)
        return self._said.read()
