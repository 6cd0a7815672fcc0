"""Lets the chain's router take tokens of a wallet, up to an amount; 0 takes that back."""

from dex import Engine, SignedTransaction
from orders.models import Account
from orders.services.audit import Actor
from orders.services.submit import broadcast
from orders.services.wallet_acts import store_signed


def approve_token(
    account: Account, token: str, amount: int, *, engine: Engine, actor: Actor
) -> list[SignedTransaction]:
    """Sign, store and send all that it takes. `amount` is atoms in all, not on top.

    A pause stops all but taking leave back. Raises: DexError, WalletPaused.
    """
    signed = store_signed(
        account,
        "wallet.approve",
        lambda wallet, nonce, fees: engine.chain.approve(wallet, nonce, token, amount, fees),
        lambda signed: {"token": token, "amount": str(amount), "tx_hash": signed[-1].tx_hash},
        takes_back=amount == 0,
        engine=engine,
        actor=actor,
    )
    broadcast(signed, engine)
    return signed
