"""Which wallets of the simulated chain can pay network fees, before anything is signed."""

from collections import Counter
from collections.abc import Sequence

from dex.chains.capabilities import ChargesGas, ForeseesShortages
from dex.chains.simulated.accounts import read_balances
from dex.chains.simulated.fees import NATIVE, fee_of, shown
from dex.chains.simulated.store import Store
from dex.errors import DexError, InsufficientFunds
from dex.types import SwapIntent

# Atoms of NATIVE below which a wallet is low: 0.01 SOL, which pays for some hundred orders.
FLOOR = 10_000_000


class Funds(ChargesGas, ForeseesShortages):
    """The verbs of a chain that read what its wallets hold of NATIVE."""

    _store: Store

    def low_on_gas(self, wallets: Sequence[str]) -> dict[str, str]:
        """See `ChargesGas`: those that hold less than `FLOOR`."""
        held = read_balances(wallets, NATIVE)
        return {
            wallet: f"{shown(held[wallet, NATIVE])} is below the floor of {shown(FLOOR)}"
            for wallet in wallets
            if held[wallet, NATIVE] < FLOOR
        }

    def holdings(self, intents: Sequence[SwapIntent]) -> list[int | DexError]:
        """See `ForeseesShortages`."""
        needed: Counter[str] = Counter()
        for intent in intents:
            needed[intent.wallet] += fee_of(intent) + _sold(intent)
        held = self._store.purses.ample(needed)
        if held is None:
            held = {wallet: atoms for (wallet, _), atoms in read_balances(needed, NATIVE).items()}
        return [_shortage(intent, held.get(intent.wallet, 0)) or held.get(intent.wallet, 0) for intent in intents]


def _sold(intent: SwapIntent) -> int:
    return intent.route.amount_in if intent.route.token_in == NATIVE else 0


def _shortage(intent: SwapIntent, held: int) -> DexError | None:
    fee, sold = fee_of(intent), _sold(intent)
    needed = fee + sold
    if held >= needed:
        return None
    along = f" beside the {shown(sold)} that the order sells" if sold else ""
    return InsufficientFunds(
        f"the wallet holds {shown(held)}, and the network fee is {shown(fee)}{along}",
        hint=f"Send {shown(needed - held)} or more to {intent.wallet}" + (", or sell less" if sold else ""),
        token=NATIVE,
        held=str(held),
        needed=str(needed),
    )
