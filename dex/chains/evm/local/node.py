"""The node of the local chain: an anvil process, and the calls that only such a node answers."""

import contextlib
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from dex.chains.evm.local import guard
from dex.chains.evm.local.install import LocalChainError, anvil_of
from dex.chains.evm.nodes.errors import RpcError
from dex.chains.evm.nodes.node import Node

# Not the node's own default, under which signed permits of real deployments break.
CHAIN_ID = 31_338
START_S = 20.0
TIMEOUT_S = 20.0
# What the node prints once it has its port.
LISTENING = b"Listening on"


class Anvil:
    """Asks a local node; a refusal is a mistake of the caller."""

    def __init__(self, url: str, process: subprocess.Popen[bytes] | None = None) -> None:
        self.url = url
        self._process = process
        self._node = Node(url, TIMEOUT_S, read=_as_it_is)

    def ask(self, method: str, *params: Any) -> Any:
        """One call's result. Raises: LocalChainError, ChainUnavailable."""
        return self.ask_all([(method, list(params))])[0]

    def ask_all(self, calls: Sequence[tuple[str, list[Any]]]) -> list[Any]:
        """The results of many calls in one request. Raises: LocalChainError, ChainUnavailable."""
        answers = self._node.ask(calls)
        for (method, _), answer in zip(calls, answers, strict=True):
            if isinstance(answer, RpcError):
                raise LocalChainError(f"{method}: {answer.message}")
        return answers

    def try_all(self, calls: Sequence[tuple[str, list[Any]]]) -> None:
        """Make calls of which some may be refused. Raises: ChainUnavailable."""
        self._node.ask(calls)

    def is_running(self) -> bool:
        """Whether the node's process is there."""
        return self._process is None or self._process.poll() is None

    def accounts(self) -> list[str]:
        """The node's own accounts, which it signs for without being asked twice."""
        return [str(account) for account in self.ask("eth_accounts")]

    def mine(self, count: int = 1) -> None:
        """Make blocks out of what waits."""
        self.ask_all([("evm_mine", [])] * count)


def _as_it_is(method: str, params: list[Any], result: object) -> object:
    """Most of these calls are known to such nodes alone."""
    return result


def free_port() -> int:
    """A port of this machine that no process listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def require_free(port: int) -> None:
    """Raises: LocalChainError where another program listens: what answers there would be taken for our node."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            if port == 0:
                raise OverflowError("0 is none")
            probe.bind(("127.0.0.1", port))
        except (OSError, OverflowError) as error:
            raise LocalChainError(
                f"port {port} on 127.0.0.1 cannot be used ({error}): stop what listens there, or take another port: "
                f"make chain CHAIN_PORT={port % 65_535 + 1}"
            ) from error


@contextlib.contextmanager
def running(
    folder: Path, port: int, log: Path, options: Sequence[str] = (), pid_file: Path | None = None
) -> Iterator[Anvil]:
    """A node of its own while the block lasts; it also ends when this process is killed.

    `pid_file` gets its process id. Raises: LocalChainError when it does not start.
    """
    require_free(port)
    command = [
        str(anvil_of(folder)), "--host", "127.0.0.1", "--port", str(port), "--chain-id", str(CHAIN_ID),
        "--accounts", "3", "--balance", "1000000000", *options,
    ]  # fmt: skip
    with log.open("ab") as output:
        said_from = output.tell()
        # In a session of its own: Ctrl-C reaches its keeper alone, who then ends it.
        process = subprocess.Popen(command, stdout=output, stderr=output, start_new_session=True)  # noqa: S603
    guarded = subprocess.Popen(  # noqa: S603
        [sys.executable, "-I", "-S", guard.__file__, str(process.pid)],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        if pid_file:
            pid_file.write_text(str(process.pid))
        _await_listening(process, log, said_from)
        yield Anvil(f"http://127.0.0.1:{port}", process)
    finally:
        _end(process, guarded)


def _await_listening(process: subprocess.Popen[bytes], log: Path, said_from: int) -> None:
    """Until this very process has the port: it says so itself. Raises: LocalChainError."""
    ends_at = time.monotonic() + START_S
    while LISTENING not in (said := _said(log, said_from)):
        if process.poll() is not None:
            why = (said.decode(errors="replace").strip().splitlines() or ["it said nothing"])[-1]
            raise LocalChainError(f"the local node ended at once: {why}; all of it is in {log}")
        if time.monotonic() > ends_at:
            raise LocalChainError(f"the local node does not listen after {START_S:.0f} s: see {log}")
        time.sleep(0.02)


def _said(log: Path, said_from: int) -> bytes:
    with log.open("rb") as file:
        file.seek(said_from)
        return file.read()


def _end(process: subprocess.Popen[bytes], guarded: subprocess.Popen[bytes]) -> None:
    """End the node, waiting in steps: a signal never leaves this waiting without end."""
    guard.end_group_of(process)
    if guarded.stdin:
        guarded.stdin.close()
    guarded.wait(guard.GRACE_S * 2)
