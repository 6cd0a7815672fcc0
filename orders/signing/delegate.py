"""Lets a wallet act in batches, by the code of a contract that it delegates to; or takes that back.

The transaction holds its nonce, and its authorization the next one, for which a cancellation transaction waits:
whichever of the two uses that nonce up, no gap is left (nonces.py).
"""

from dex import BroadcastRejected, Engine, SignedTransaction
from dex.chains.capabilities import DelegatesWallets
from orders.audit.record import Actor
from orders.models import Account
from orders.signing.broadcast import broadcast
from orders.signing.wallet_transactions import store_signed


def delegate_wallet(account: Account, is_on: bool, *, engine: Engine, actor: Actor) -> SignedTransaction:
    """Sign, store and send it. A pause stops all but taking it back.

    Raises: DexError, WalletPaused.
    """
    chain = engine.chain
    if not isinstance(chain, DelegatesWallets):
        raise BroadcastRejected("wallets of this chain run no contract's code")
    first, *_ = store_signed(
        account,
        "wallet.delegate" if is_on else "wallet.undelegate",
        lambda wallet, nonce, fees: chain.delegate(wallet, nonce, is_on, fees),
        lambda signed: {"tx_hash": signed[0].tx_hash},
        takes_back=not is_on,
        engine=engine,
        actor=actor,
    )
    broadcast([first], engine)
    return first
