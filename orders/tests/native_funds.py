"""The native token of wallets of the simulated chain, and what a swap costs there."""

from django.db.models import F

from dex.chains.simulated.fees import NATIVE, TRANSACTION_FEE
from dex.chains.simulated.market import FAUCET
from dex.chains.simulated.models import Balance
from dex.chains.simulated.options import SWAP_FEE

# Of an order whose route is one swap.
FEE = TRANSACTION_FEE + SWAP_FEE
UNIT = 10**9


def hold(wallet: str, atoms: int) -> None:
    """Leave the wallet just this much of the native token; the faucet has the rest."""
    rows = Balance.objects.filter(token=NATIVE)
    before = rows.get(address=wallet).atoms
    rows.filter(address=wallet).update(atoms=atoms)
    rows.filter(address=FAUCET).update(atoms=F("atoms") + before - atoms)


def native(address: str) -> int:
    row = Balance.objects.filter(token=NATIVE, address=address).first()
    return int(row.atoms) if row else 0
