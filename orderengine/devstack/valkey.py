"""An embedded Redis-compatible server on loopback, Valkey or the system's, and the question whether one answers."""

import re
import socket
from pathlib import Path

from orderengine.devstack.children import Command
from orderengine.devstack.state import secret

CONFIG = """\
bind 127.0.0.1
port {port}
protected-mode yes
requirepass "{password}"
dir "{directory}"
daemonize no
save ""
appendonly {appendonly}
appendfsync everysec
maxmemory-policy noeviction
loglevel warning
"""
ANSWER_TIMEOUT_S = 3.0


class ValkeyServer:
    """The server whose files are in `home`. Its password is passed by its configuration file."""

    name = "valkey"
    preferred_port = 6379

    def __init__(self, program: str, home: Path, *, throw_away: bool) -> None:
        self._program = program
        self._home = home
        self._throw_away = throw_away

    def prepare(self) -> None:
        """Make the directory of its append-only file."""
        (self._home / "data").mkdir(mode=0o700, exist_ok=True)

    def command(self, port: int) -> Command:
        """Write the configuration for this port; how to start it."""
        config = self._home / "valkey.conf"
        config.touch(mode=0o600)
        text = CONFIG.format(
            port=port,
            password=self._password(),
            directory=self._home / "data",
            appendonly="no" if self._throw_away else "yes",
        )
        config.write_text(text, encoding="utf-8")
        return Command(
            self.name,
            [self._program, str(config)],
            environment={"PATH": "/usr/bin:/bin", "LC_ALL": "C"},
            directory=self._home,
            kind="SERVER",
            mute=re.compile(r"overcommit_memory|Received SIGTERM scheduling shutdown|is now ready to exit"),
        )

    def is_ready(self, port: int) -> bool:
        return complaint("127.0.0.1", port, self._password()) is None

    def environment(self, port: int) -> dict[str, str]:
        """What its users must know."""
        return {"REDIS_HOST": "127.0.0.1", "REDIS_PORT": str(port), "REDIS_PASSWORD": self._password()}

    def _password(self) -> str:
        return secret(self._home / "password")


# What wake-ups and flags need: a server may answer a PING and refuse every write.
WRITE = ["SET", "orderengine:probe", "", "PX", "1000"]


def complaint(host: str, port: int, password: str, *, may_write: bool = False) -> str | None:
    """Why the server there cannot be used, None when it answers a PING, and takes a write where `may_write`."""
    try:
        with socket.create_connection((host, port), timeout=ANSWER_TIMEOUT_S) as connection:
            stream = connection.makefile("rb")
            for words in ([["AUTH", password]] if password else []) + [["PING"]] + ([WRITE] if may_write else []):
                connection.sendall(_request(words))
                answer = stream.readline().decode("utf-8", "replace").strip()
                if not answer.startswith("+"):
                    return answer.lstrip("-") or "it closed the connection"
    except OSError as error:
        return str(error.strerror or error)
    return None


def _request(words: list[str]) -> bytes:
    encoded = [word.encode() for word in words]
    return b"*%d\r\n" % len(encoded) + b"".join(b"$%d\r\n%s\r\n" % (len(word), word) for word in encoded)
