"""What wallets hold: of each listed token, and of the chain's own, which pays for transactions."""

from collections.abc import Sequence
from typing import Any

from dex.chains.evm.abi import contracts
from dex.chains.evm.config.options import ListedToken
from dex.chains.evm.nodes.replies import Call
from dex.chains.evm.nodes.rpc import Rpc
from dex.chains.evm.swaps.wrapping import native_units


def balances(rpc: Rpc, tokens: Sequence[ListedToken], native_symbol: str, wallet: str) -> dict[str, int]:
    """Atoms of each token by its symbol, in one request. Raises: ChainUnavailable."""
    data = "0x" + contracts.BALANCE_OF.call(wallet).hex()
    calls: list[Call] = [("eth_call", [{"to": token.address, "data": data}, "latest"]) for token in tokens]

    def read(answers: list[Any]) -> dict[str, int]:
        native, *held = answers
        found = {
            token.symbol: int(contracts.BALANCE_OF.result(item)[0]) for token, item in zip(tokens, held, strict=True)
        }
        return found | {native_symbol: native}

    return rpc.taken([("eth_getBalance", [wallet, "latest"]), *calls], read)


def low_on_gas(rpc: Rpc, floor: int, native_symbol: str, wallets: Sequence[str]) -> dict[str, str]:
    """The wallets that hold less than `floor` atoms of the chain's own token, in words. Raises: ChainUnavailable."""
    if not floor or not wallets:
        return {}
    answers = rpc.results([("eth_getBalance", [wallet, "latest"]) for wallet in wallets])
    return {
        wallet: f"{native_units(atoms)} {native_symbol} is below the floor of {native_units(floor)} {native_symbol}"
        for wallet, atoms in zip(wallets, answers, strict=True)
        if atoms < floor
    }
