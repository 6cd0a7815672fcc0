"""Hands signed bytes to the chain. Sending the same bytes again is harmless: they are one transaction."""

from collections.abc import Sequence

from dex import DexError, Engine, SignedTransaction


def broadcast(transactions: Sequence[SignedTransaction], engine: Engine) -> Sequence[DexError | None]:
    """One answer per transaction; a failure of the whole call is the answer for each."""
    if not transactions:
        return []
    try:
        return engine.submit(transactions)
    except DexError as error:
        return [error] * len(transactions)
