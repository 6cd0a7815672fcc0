"""Fills new wallets on the local chain and lets the router take so much of each token, never more."""

from collections.abc import Sequence

from dex.chains.evm.abi import APPROVE, TRANSFER_TO
from dex.chains.evm.deployments import Deployment
from dex.chains.evm.local.market import atoms_worth
from dex.chains.evm.local.node import Anvil
from dex.chains.evm.options import ListedToken

NATIVE_ATOMS = 1_000 * 10**18
# Of each token, and the router's allowance of it.
GRANT_USD = 10_000_000
GAS = 100_000


class Faucet:
    """Takes from the account that deployed the market, which owns what was minted."""

    def __init__(self, anvil: Anvil, deployment: Deployment, tokens: Sequence[ListedToken]) -> None:
        self._anvil = anvil
        self._router = deployment.router
        self._tokens = tuple(tokens)

    def fund(self, wallet: str) -> None:
        """Give a wallet of everything, and approve in its name. Raises: LocalChainError, ChainUnavailable."""
        giver = self._anvil.accounts()[0]
        given, allowed = [], []
        for token in self._tokens:
            atoms = atoms_worth(token.symbol, GRANT_USD)
            given.append(_send(giver, token.address, TRANSFER_TO.call(wallet, atoms)))
            allowed.append(_send(wallet, token.address, APPROVE.call(self._router, atoms)))
        self._anvil.ask_all(
            [
                ("anvil_setBalance", [wallet, hex(NATIVE_ATOMS)]),
                ("anvil_impersonateAccount", [wallet]),
                *given,
                *allowed,
                ("anvil_stopImpersonatingAccount", [wallet]),
                ("evm_mine", []),
            ]
        )


def _send(sender: str, to: str, data: bytes) -> tuple[str, list[object]]:
    return ("eth_sendTransaction", [{"from": sender, "to": to, "gas": hex(GAS), "data": "0x" + data.hex()}])
