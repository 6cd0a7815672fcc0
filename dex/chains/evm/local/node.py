"""The node of the local chain: an anvil process, and the calls that only such a node answers."""

import contextlib
import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from dex.chains.evm.local.install import LocalChainError, anvil_of
from dex.chains.evm.rpc import Node, RpcError
from dex.errors import ChainUnavailable

# Not the node's own default, under which signed permits of real deployments break.
CHAIN_ID = 31_338
START_S = 20.0
TIMEOUT_S = 20.0


class Anvil:
    """Asks a local node; whatever it refuses is a mistake of the caller."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._node = Node(url, TIMEOUT_S)

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

    def accounts(self) -> list[str]:
        """The node's own accounts, which it signs for without being asked twice."""
        return [str(account) for account in self.ask("eth_accounts")]

    def mine(self, count: int = 1) -> None:
        """Make blocks out of what waits."""
        self.ask_all([("evm_mine", [])] * count)

    def wait(self) -> None:
        """Until the node answers. Raises: LocalChainError."""
        ends_at = time.monotonic() + START_S
        while True:
            try:
                self.ask("eth_chainId")
                return
            except ChainUnavailable as error:
                if time.monotonic() > ends_at:
                    raise LocalChainError("the local node does not answer") from error
            time.sleep(0.02)


def free_port() -> int:
    """A port of this machine that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def running(folder: Path, port: int, log: Path, options: Sequence[str] = ()) -> Iterator[Anvil]:
    """A node of its own while the block lasts. Raises: LocalChainError when it does not start."""
    command = [
        str(anvil_of(folder)), "--host", "127.0.0.1", "--port", str(port), "--chain-id", str(CHAIN_ID),
        "--accounts", "3", "--balance", "1000000000", *options,
    ]  # fmt: skip
    with log.open("ab") as output:
        # In a session of its own: Ctrl-C reaches its keeper alone, who then ends it.
        process = subprocess.Popen(command, stdout=output, stderr=output, start_new_session=True)  # noqa: S603
    try:
        anvil = Anvil(f"http://127.0.0.1:{port}")
        anvil.wait()
        if process.poll() is not None:
            raise LocalChainError(f"the local node ended at once: see {log}")
        yield anvil
    finally:
        _end(process)


def _end(process: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGTERM)
    try:
        process.wait(5)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
