"""What became of a wallet's transactions: followed until each is in a block, or the time is up."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from dex import Engine, Receipt, RetryableError, SignedTransaction
from orders.models import SignedTransaction as StoredTransaction

POLL_S = 0.5


@dataclass(frozen=True, slots=True)
class WalletResult:
    """One transaction and the receipt of what a block took at its nonce; None while no block has."""

    signed: SignedTransaction
    receipt: Receipt | None


def follow(signed: Sequence[SignedTransaction], engine: Engine, timeout_s: float) -> Iterator[WalletResult]:
    """One result each, in order. A chain that does not answer is asked again until the time is up."""
    ends_at = time.monotonic() + timeout_s
    for item in signed:
        receipt = _receipt(item, engine)
        while receipt is None and time.monotonic() < ends_at:
            time.sleep(min(POLL_S, max(0.0, ends_at - time.monotonic())))
            receipt = _receipt(item, engine)
        yield WalletResult(item, receipt)


def _receipt(signed: SignedTransaction, engine: Engine) -> Receipt | None:
    """Of whichever of ours at this nonce a block took: it may have been sent again for a higher fee."""
    hashes = list(
        StoredTransaction.objects.filter(
            submission__wallet__address=signed.wallet,
            submission__wallet__chain_id=signed.chain_id,
            submission__key=signed.nonce,
        ).values_list("tx_hash", flat=True)
    )
    try:
        receipts = engine.receipts(hashes)
    except RetryableError:
        return None
    return next((receipt for receipt in receipts if receipt is not None), None)
