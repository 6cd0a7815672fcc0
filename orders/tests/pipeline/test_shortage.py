"""A wallet that cannot pay for its transaction is named before anything is signed."""

from collections.abc import Sequence

import pytest

from dex import DexError, InsufficientFunds, PreparedSwap, SwapIntent
from dex.chains.simulated import SimulatedOptions
from orders.models import Account, Order, SignedTransaction, Submission, Wallet
from orders.tests.charging import ChargingChain, ChargingEngine
from orders.tests.factories import place, terms
from orders.tests.pipeline.chain_faults import Run, ended

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.blocks_by_test]

HELD, NEEDED = "400", "5000"


class PoorChain(ChargingChain):
    """Its wallets hold too little of the native token for a fast transaction, and enough for any other."""

    def simulate(self, intents: Sequence[SwapIntent]) -> list[PreparedSwap | DexError]:
        """See `SimulatesSwaps`."""
        fast = self.tariff.per_transaction * 3
        shortage = InsufficientFunds(
            "the wallet holds 0.0000004 SOL, and the transaction may cost up to 0.000005 SOL",
            hint="Send 0.0000046 SOL or more to it",
            token="SOL",
            held=HELD,
            needed=NEEDED,
        )
        return [shortage if intent.fees.max_fee == fast else PreparedSwap(intent) for intent in intents]


@pytest.fixture
def engine(db: None) -> ChargingEngine:
    return ChargingEngine(PoorChain(SimulatedOptions(required_confirmations=4)))


@pytest.fixture
def chain(engine: ChargingEngine) -> ChargingChain:
    assert isinstance(engine.chain, ChargingChain)
    engine.chain.advance()
    return engine.chain


def test_the_order_fails_and_says_which_wallet_lacks_how_much_of_what(
    account: Account, chain: ChargingChain, run: Run
) -> None:
    poor, able = place(account, terms(fee_strategy="fast"), terms())
    run()
    settle_all(chain, run)

    wallet = Wallet.objects.get(account=account)
    failed = Order.objects.get(pk=poor.pk)
    assert ended(poor) == ("FAILED", "insufficient_funds")
    assert failed.failure is not None
    assert failed.failure["facts"] == {"token": "SOL", "held": HELD, "needed": NEEDED, "wallet": wallet.address}
    assert wallet.address in failed.failure["detail"]
    assert failed.failure["try"] == "Send 0.0000046 SOL or more to it"
    assert not Submission.objects.filter(order=poor).exists()
    assert ended(able) == ("CONFIRMED", "filled")
    assert SignedTransaction.objects.count() == 1


def settle_all(chain: ChargingChain, run: Run) -> None:
    """Until what can end has ended."""
    for _ in range(4):
        chain.mine(4)
        run()
