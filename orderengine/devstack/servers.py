"""The two servers of a stack: embedded ones where none is configured, and those that the user named, checked."""

import hashlib
import os
import shutil
import tempfile
import time
from pathlib import Path
from typing import Protocol

from orderengine.devstack.account import can_reach, server_account
from orderengine.devstack.binaries import find_postgres, find_valkey, reachable_copy
from orderengine.devstack.children import Children, Command
from orderengine.devstack.environment import free_port, is_free
from orderengine.devstack.postgres import PostgresServer
from orderengine.devstack.state import State
from orderengine.devstack.valkey import ValkeyServer
from orderengine.refusal import Refusal

START_TIMEOUT_S = 60.0
START_ATTEMPTS = 3
POLL_S = 0.02
# A fresh cluster and its log take 100 MB; test databases and bursts of writes some more.
SHARED_MEMORY_NEEDED = 512 * 1024 * 1024


class Server(Protocol):
    """An embedded server."""

    @property
    def name(self) -> str: ...
    @property
    def preferred_port(self) -> int: ...
    def prepare(self) -> None: ...
    def command(self, port: int) -> Command: ...
    def is_ready(self, port: int) -> bool: ...
    def environment(self, port: int) -> dict[str, str]: ...


def start_embedded(names: set[str], state: State, children: Children, *, throw_away: bool = False) -> dict[str, str]:
    """Start the embedded servers of these names and return the environment of their users once they answer."""
    servers: list[Server] = []
    if "valkey" in names:
        servers.append(_valkey(state, throw_away=throw_away))
    if "postgres" in names:
        servers.append(_postgres(state, children, throw_away=throw_away))
    # All are started before any is waited for.
    ports = {server.name: _start(server, state, children, throw_away=throw_away) for server in servers}
    for server in servers:
        ports[server.name] = _await(server, ports[server.name], state, children, throw_away=throw_away)
    if not throw_away:
        state.write("ports", state.read("ports") | ports)
    return {name: value for server in servers for name, value in server.environment(ports[server.name]).items()}


def throw_away_directory() -> Path:
    """A fresh directory in shared memory, or where TMPDIR is set or it has not enough in the temporary one."""
    shared = Path("/dev/shm")  # noqa: S108 - mkdtemp makes a private directory in it
    try:
        is_wanted = not os.environ.get("TMPDIR") and os.access(shared, os.W_OK)
        roomy = is_wanted and shutil.disk_usage(shared).free >= SHARED_MEMORY_NEEDED
    except OSError:
        roomy = False
    directory = Path(tempfile.mkdtemp(prefix="orderengine-", dir=shared if roomy else None))
    directory.chmod(0o711)
    return directory


def _start(server: Server, state: State, children: Children, *, throw_away: bool) -> int:
    server.prepare()
    port = free_port() if throw_away else state.read("ports").get(server.name, server.preferred_port)
    if not is_free(port):
        port = free_port()
    children.start(server.command(port))
    return port


def _await(server: Server, port: int, state: State, children: Children, *, throw_away: bool) -> int:
    """Wait until it answers; where another program took the port meanwhile, try again on a new one."""
    deadline = time.monotonic() + START_TIMEOUT_S
    attempts = 1
    while not server.is_ready(port):
        child = children.running[server.name]
        if not child.is_running():
            children.forget(child)
            attempts += 1
            if is_free(port) or attempts > START_ATTEMPTS:
                lines = [line for line in child.tail if line.strip()]
                raise Refusal(
                    f"{server.name} stopped while starting:\n    " + "\n    ".join(lines or ["it said nothing"]),
                    f"see its lines above; its files are in {child.command.directory}.",
                )
            port = _start(server, state, children, throw_away=throw_away)
        if time.monotonic() > deadline:
            raise Refusal(
                f"{server.name} does not answer on port {port} after {START_TIMEOUT_S:.0f} s.",
                f"look whether the disk of {child.command.directory} is full or slow, then try again.",
            )
        children.pause(POLL_S)
    return port


def _reachable_home(state: Path) -> Path:
    """Where root keeps the data of a state directory that the server's account cannot enter, as below /root."""
    key = hashlib.sha256(str(state.resolve()).encode()).hexdigest()[:12]
    for parent in (Path("/var/lib"), Path("/var/tmp")):  # noqa: S108 - survives a restart, and only root may be here
        home = parent / "order-execution-engine" / key / "postgres"
        try:
            home.mkdir(mode=0o711, parents=True, exist_ok=True)
        except OSError:
            continue
        return home
    raise Refusal("Root can write neither below /var/lib nor below /var/tmp.", "set STATE_DIR or DATABASE_URL.")


def _valkey(state: State, *, throw_away: bool) -> ValkeyServer:
    home = state.directory / "valkey"
    home.mkdir(mode=0o700, exist_ok=True)
    return ValkeyServer(find_valkey(), home, throw_away=throw_away)


def _postgres(state: State, children: Children, *, throw_away: bool) -> PostgresServer:
    home = state.directory / "postgres"
    account = server_account(home / "data")
    if not can_reach(account, state.directory):
        home = _reachable_home(state.directory)
        account = server_account(home / "data")
    home.mkdir(mode=0o711, parents=True, exist_ok=True)
    installed, copy = reachable_copy(find_postgres(), account)
    if copy:
        children.remove_at_end(copy)
    return PostgresServer(installed, home, account, throw_away=throw_away)
