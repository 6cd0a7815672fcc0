"""`python -m dex.chains.evm.local`: the local chain in the foreground, until Ctrl-C. What it holds is kept."""

import argparse
import io
import os
import re
import signal
import sys
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import orjson

from dex.chains.evm.config.chains_file import ChainsFileError, describe, read_chain
from dex.chains.evm.config.deployments import LOCAL_NAME
from dex.chains.evm.config.options import EvmOptions
from dex.chains.evm.local.deploy import deploy
from dex.chains.evm.local.folder_owner import owned
from dex.chains.evm.local.install import FOLDER, LocalChainError, install
from dex.chains.evm.local.node import Anvil, running
from dex.errors import ChainUnavailable

PORT = 8545
STATE, CHAINS_FILE, LOG = "state.json", "chains.toml", "anvil.log"
BLOCK_S = 1
CONFIRMATIONS = 2
SAVE_S = 10
POLL_S = 0.1
URLS = re.compile(r"^urls = \[.*\]$", re.MULTILINE)


def main() -> int:
    """Start, or go on with what the folder holds."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # A folder's name may hold signs that the terminal cannot show.
            stream.reconfigure(errors="backslashreplace")
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=PORT)
    parser.add_argument("--folder", type=Path, default=FOLDER)
    arguments = parser.parse_args()
    is_asked_to_end = _listener()
    try:
        folder = install(arguments.folder.absolute(), is_asked_to_end)
        with owned(folder) as pid_file, _node(folder, arguments.port, pid_file) as anvil:
            _say(anvil, _described(anvil, folder))
            # In steps: a signal that arrives just before a wait without end would never be seen.
            while not is_asked_to_end():
                if not anvil.is_running():
                    raise LocalChainError(f"the local node has ended by itself: see {folder / LOG}")
                time.sleep(POLL_S)
    except (LocalChainError, ChainUnavailable, ChainsFileError, OSError) as error:
        if not is_asked_to_end():
            print(f"error: {error}", file=sys.stderr)  # noqa: T201 - this is a command
            return 1
    return 0


def _listener() -> Callable[[], bool]:
    """Listens to signals from now on; what is given says whether one has asked to end."""
    asked: list[int] = []
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        # A plain list: a handler may run inside another one, where the lock of an Event is taken.
        signal.signal(number, lambda received, _frame: asked.append(received))
    starter, is_made = os.getppid(), "MAKELEVEL" in os.environ
    # A `make` that was killed hands on no signal.
    return lambda: bool(asked) or (is_made and os.getppid() != starter)


def _node(folder: Path, port: int, pid_file: Path) -> AbstractContextManager[Anvil]:
    """The node, with what the folder holds of its chain. Raises: LocalChainError."""
    state = folder / STATE
    if state.exists():
        _check_state(state)
        if not (folder / CHAINS_FILE).is_file():
            # The set-up was cut short, or its description taken away: no second one goes through on the same chain.
            state.replace(folder / f"{STATE}.before")
    options = ("--state", str(state), "--state-interval", str(SAVE_S))
    return running(folder, port, folder / LOG, options, pid_file)


def _check_state(state: Path) -> None:
    """Raises: LocalChainError where it is nothing that the node has written."""
    try:
        if not orjson.loads(state.read_bytes()).get("accounts"):
            raise ValueError
    except (ValueError, AttributeError, OSError):
        raise LocalChainError(
            f"{state} holds no chain that can be read: take it away, and the chain begins from its start"
        ) from None


def _described(anvil: Anvil, folder: Path) -> Path:
    """The file that tells the engine of the chain; deploys the market where the chain is new."""
    file = folder / CHAINS_FILE
    if _is_deployed(anvil, file):
        _point_at(anvil, file)
    else:
        found = deploy(anvil, folder)
        options = EvmOptions(
            found.deployment,
            (anvil.url,),
            found.tokens,
            confirmations=CONFIRMATIONS,
            block_s=BLOCK_S,
            snapshot_s=BLOCK_S / 4,
        )
        head = f"[{LOCAL_NAME}]\n"
        other_router = f'# universal_router = "{found.universal_router}"  # with Permit2, see docs/chains.md\n'
        file.write_text(describe(options).replace(head, head + other_router, 1))
    anvil.ask("evm_setIntervalMining", BLOCK_S)
    return file


def _is_deployed(anvil: Anvil, file: Path) -> bool:
    if not file.is_file():
        return False
    known = read_chain(file, LOCAL_NAME, os.environ)
    return str(anvil.ask("eth_getCode", known.deployment.router, "latest")) != "0x"


def _point_at(anvil: Anvil, file: Path) -> None:
    """The same chain under another port: only the address changes in the file, which the user may have edited."""
    text = file.read_text()
    if read_chain(file, LOCAL_NAME, os.environ).urls != (anvil.url,):
        file.write_text(URLS.sub(f'urls = ["{anvil.url}"]', text, count=1))


def _say(anvil: Anvil, file: Path) -> None:
    account, chain_id = anvil.accounts()[0], int(anvil.ask("eth_chainId"), 16)
    print(  # noqa: T201
        f"Local chain {chain_id} at {anvil.url}, a block each {BLOCK_S} s, described in {file}.\n"
        f"Its keys are public. Development wallet with everything: {account}\n"
        "Trade on it:  make run CHAIN=local        Stop it: Ctrl-C (it goes on where it was)",
        flush=True,
    )


if __name__ == "__main__":
    sys.exit(main())
