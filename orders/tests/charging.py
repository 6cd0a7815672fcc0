"""The simulated chain with fees of a test's own, and quotes that state them: no two transactions cost the same."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from dex import (
    Ahead,
    Engine,
    Fees,
    FeeStrategy,
    NetworkFee,
    Quote,
    Receipt,
    Side,
    Signable,
    SignedTransaction,
    SwapRequest,
)
from dex.chains.simulated import SimulatedChain, SimulatedOptions
from dex.chains.simulated.options import USUAL_FEES
from dex.errors import DexError
from dex.trace import RoutingTrace
from orders.models import Order
from orders.models import SignedTransaction as StoredTransaction

# What a swap of a quote is expected to cost, and what that is worth at 150 USDC for a SOL.
PER_SWAP = 5_000
USDC_PER_LAMPORT = 150 / 1_000


def fee_of(tx_hash: str) -> int:
    """What the chain took for a transaction: as little as its hash says."""
    return 1_000 + int(tx_hash[-4:], 16)


@dataclass
class Tariff:
    """What the network asks now: atoms per transaction at most, times 1, 2 and 3 by strategy."""

    per_transaction: int = 10_000
    asked: list[Fees] = field(default_factory=list)


class ChargingChain(SimulatedChain):
    """States and takes the fees of a tariff."""

    def __init__(self, options: SimulatedOptions, tariff: Tariff | None = None) -> None:
        super().__init__(options)
        self.tariff = tariff or Tariff()

    def prepare(self) -> dict[FeeStrategy, Fees]:
        """See `Chain`: the usual fees, of which `max_fee` is the tariff's."""
        return {
            strategy: replace(USUAL_FEES, max_fee=self.tariff.per_transaction * (number + 1))
            for number, strategy in enumerate(FeeStrategy)
        }

    def most_costs(self, offers: Sequence[tuple[Signable | SignedTransaction, Fees]]) -> list[int]:
        """See `Chain`."""
        self.tariff.asked += [fees for _, fees in offers]
        return [fees.max_fee for _, fees in offers]

    def receipts(self, tx_hashes: Sequence[str]) -> list[Receipt | None]:
        """See `Chain`."""
        answers = super().receipts(tx_hashes)
        return [answer and replace(answer, fee_paid=fee_of(answer.tx_hash)) for answer in answers]


class ChargingEngine(Engine):
    """Quotes say what their swaps cost."""

    def route(
        self,
        requests: Sequence[SwapRequest],
        *,
        is_sequential: bool = True,
        offers: Mapping[FeeStrategy, Fees] | None = None,
        ahead: Ahead | None = None,
        trace: RoutingTrace | None = None,
    ) -> list[Quote | DexError]:
        """See `Engine`."""
        answers = super().route(requests, is_sequential=is_sequential, offers=offers, ahead=ahead, trace=trace)
        return [charged(answer) if isinstance(answer, Quote) else answer for answer in answers]


def charged(quote: Quote, per_swap: int = PER_SWAP) -> Quote:
    """The quote with the fee of its swaps; a venue alone takes one."""

    def value(atoms: int) -> int:
        return int(atoms * USDC_PER_LAMPORT) if quote.side is Side.EXACT_IN else atoms

    atoms = per_swap * len(quote.route.hops)
    venues = tuple(alone._replace(fee_value=None if alone.code else value(per_swap)) for alone in quote.venue_quotes)
    return replace(quote, network_fee=NetworkFee("SOL", atoms, value(atoms)), venue_quotes=venues)


def paid_on_the_chain(order: Order, engine: Engine) -> int | None:
    """What all transactions of the order have cost by their final receipts; None where none is final."""
    hashes = list(StoredTransaction.objects.filter(submission__order=order).values_list("tx_hash", flat=True))
    fees = [receipt.fee_paid for receipt in engine.receipts(hashes) if receipt is not None and receipt.is_final]
    return sum(fees) if fees else None
