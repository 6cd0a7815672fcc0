"""Whether a wallet can pay for a transaction, as nodes count before they take one: all that it may cost at most."""

from dataclasses import dataclass

from dex.chains.evm.swaps.encode import ContractCall
from dex.chains.evm.swaps.wrapping import native_units
from dex.chains.evm.transactions.data_fees import DataFees
from dex.errors import InsufficientFunds
from dex.types import Fees, SwapIntent

# Of a transaction without its data and its signature, at most.
ENVELOPE_BYTES = 120
GWEI_DECIMALS = 9


@dataclass(frozen=True, slots=True)
class Funds:
    """Judges by the chain's own token, `symbol`, and what bytes cost beside the gas."""

    symbol: str
    data_fees: DataFees

    def most(self, gas: int, data_bytes: int, fees: Fees) -> int:
        """Wei that a transaction may cost: its limit of gas at the most that it pays, and its bytes as they are."""
        return gas * fees.max_fee + self.data_fees.beside_gas.at(data_bytes + ENVELOPE_BYTES)

    def most_paid(self, gas: int, data_bytes: int, fees: Fees) -> int:
        """Wei that one node alone is believed to say: the fee for the bytes may have been another than is known.

        Where none is known it is bounded by what any may be.
        """
        return gas * fees.max_fee + self.data_fees.most_believed(data_bytes + ENVELOPE_BYTES)

    def shortage(self, intent: SwapIntent, call: ContractCall, held: int) -> InsufficientFunds | None:
        """Why a wallet that holds `held` wei cannot pay; None where it can."""
        most = self.most(call.gas, len(call.data), intent.fees) + call.value
        if held >= most:
            return None
        price = native_units(intent.fees.max_fee, GWEI_DECIMALS)
        along = f", with {self._shown(call.value)} to give" if call.value else ""
        return InsufficientFunds(
            f"the wallet holds {self._shown(held)}, and the transaction may cost up to {self._shown(most)}: "
            f"{call.gas} gas at {price} gwei{along}",
            hint=f"Send {self._shown(most - held)} or more to {intent.wallet}. What is not used stays there",
            token=self.symbol,
            held=str(held),
            needed=str(most),
        )

    def _shown(self, atoms: int) -> str:
        return f"{native_units(atoms)} {self.symbol}"
