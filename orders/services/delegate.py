"""Lets a wallet act in batches, by the code of a contract that it delegates to; or takes that back.

The transaction holds its nonce, and its authorization the next one, under which a transaction waits that does nothing:
whichever of the two uses that nonce up, no gap is left (nonces.py).
"""

from dex import Engine, SignedTransaction
from orders.models import Account
from orders.services.audit import Actor
from orders.services.submit import broadcast
from orders.services.wallet_acts import store_signed


def delegate_wallet(account: Account, is_on: bool, *, engine: Engine, actor: Actor) -> SignedTransaction:
    """Sign, store and send it. A pause stops all but taking it back.

    Raises: DexError, WalletPaused.
    """
    first, *_ = store_signed(
        account,
        "wallet.delegate" if is_on else "wallet.undelegate",
        lambda wallet, nonce, fees: engine.chain.delegate(wallet, nonce, is_on, fees),
        lambda signed: {"tx_hash": signed[0].tx_hash},
        takes_back=not is_on,
        engine=engine,
        actor=actor,
    )
    broadcast([first], engine)
    return first
