"""Fills new wallets on the local chain, approves the router for some of each token, and delegates them for batches."""

import threading
from collections.abc import Sequence

from dex.chains.evm.abi.contracts import APPROVE, TRANSFER_TO
from dex.chains.evm.config.deployments import Deployment
from dex.chains.evm.config.options import ListedToken
from dex.chains.evm.local.market import atoms_worth
from dex.chains.evm.local.node import Anvil
from dex.chains.evm.shared_work import SharedWork
from dex.chains.evm.transactions.delegation import DESIGNATOR
from dex.errors import ChainUnavailable

NATIVE_ATOMS = 1_000 * 10**18
# Of each token, and the router's allowance of it.
GRANT_USD = 10_000_000
GAS = 100_000
FUND_S = 60.0


class Faucet:
    """Takes from the account that deployed the market, which owns what was minted."""

    def __init__(self, anvil: Anvil, deployment: Deployment, tokens: Sequence[ListedToken]) -> None:
        self._anvil = anvil
        self._router = deployment.router
        self._batch_account = deployment.batch_account
        self._tokens = tuple(tokens)
        self._lock = threading.Lock()
        self._funded: set[str] = set()
        self._under_way: dict[str, SharedWork[None]] = {}

    def fund(self, wallet: str) -> None:
        """Give a new wallet of everything, and approve in its name. Raises: LocalChainError, ChainUnavailable.

        It takes several questions in a row, which go on while a caller has to leave.
        """
        with self._lock:
            if wallet in self._funded:
                return
            work = self._under_way.get(wallet)
            if work is None or work.is_done or not work.is_of_this_process:
                work = self._under_way[wallet] = SharedWork("filling the wallet", lambda: self._fund(wallet), FUND_S)
                work.start()
        work.wait()
        with self._lock:
            self._funded.add(wallet)

    def _fund(self, wallet: str) -> None:
        """Fill it, once.

        Approvals have the wallet's first nonces, so that two processes that do this at once do it once; what comes
        second is refused as known or too late.
        """
        if self._count(wallet) >= len(self._tokens):
            return
        if self._batch_account:
            self._anvil.ask("anvil_setCode", wallet, DESIGNATOR + self._batch_account[2:])
        giver, given, allowed = self._anvil.accounts()[0], [], []
        for nonce, token in enumerate(self._tokens):
            atoms = atoms_worth(token.symbol, GRANT_USD)
            given.append(_send(giver, token.address, TRANSFER_TO.call(wallet, atoms)))
            allowed.append(_send(wallet, token.address, APPROVE.call(self._router, atoms), nonce=hex(nonce)))
        self._anvil.ask_all([("anvil_setBalance", [wallet, hex(NATIVE_ATOMS)]), ("anvil_impersonateAccount", [wallet])])
        for method, parameters in given:  # one after the other: those of one request take the same nonce at times
            self._anvil.ask(method, *parameters)
        self._anvil.try_all(allowed)
        self._anvil.ask_all([("anvil_stopImpersonatingAccount", [wallet]), ("evm_mine", [])])
        if self._count(wallet) < len(self._tokens):
            raise ChainUnavailable("the development wallet is being filled by another process")

    def _count(self, wallet: str) -> int:
        return int(self._anvil.ask("eth_getTransactionCount", wallet, "latest"), 16)


def _send(sender: str, to: str, data: bytes, **fields: str) -> tuple[str, list[object]]:
    call = {"from": sender, "to": to, "gas": hex(GAS), "data": "0x" + data.hex()} | fields
    return ("eth_sendTransaction", [call])
