"""Lets the chain's router take tokens of a wallet, up to an amount; 0 takes that back.

Each transaction of it holds a nonce like everything else, and is seen through by what uses up nonces (nonces.py).
"""

from django.db import transaction

from dex import DexError, Engine, SignedTransaction
from orders.models import Account, Submission, new_id
from orders.services.audit import Actor, Entry, record, record_signatures
from orders.services.pause import lock_controls
from orders.services.signed import add_signed
from orders.services.submit import broadcast
from orders.services.wallets import ensure_wallets, lock_wallets, take_nonces


class WalletPaused(Exception):
    """Nothing is signed from the wallet until somebody has looked."""


def approve_token(
    account: Account, token: str, amount: int, *, engine: Engine, actor: Actor
) -> list[SignedTransaction]:
    """Sign, store and send all that it takes. `amount` is atoms in all, not on top.

    A pause stops all but taking leave back. Raises: DexError, WalletPaused.
    """
    fees = engine.prepare()
    wallet = ensure_wallets({account.id}, engine)[account.id]
    with transaction.atomic():
        if lock_controls().halt(engine.chain.chain_id, account.id) and amount:
            raise WalletPaused("trading is paused: see manage.py resume")
        nonce = lock_wallets([wallet.id]).get(wallet.id)
        if nonce is None:
            raise WalletPaused(f"wallet {wallet.address} is paused: {wallet.paused_reason}")
        signed = engine.chain.approve(wallet.address, nonce, token, amount, fees)
        if isinstance(signed, DexError):
            raise signed
        submissions = [Submission(id=new_id(), wallet=wallet, nonce=item.nonce) for item in signed]
        Submission.objects.bulk_create(submissions)
        add_signed((submission.id, item, True) for submission, item in zip(submissions, signed, strict=True))
        take_nonces(wallet.id, len(signed))
        after = {"token": token, "amount": str(amount), "tx_hash": signed[-1].tx_hash}
        record(actor, [Entry("wallet.approve", f"wallet:{wallet.address}", after=after, account_id=account.id)])
        record_signatures(signed)
    broadcast(signed, engine)
    return signed
