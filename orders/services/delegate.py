"""Lets a wallet act in batches, by the code of a contract that it delegates to; or takes that back.

The transaction holds its nonce like everything else, and its authorization the next one, under which a transaction
waits that does nothing: whichever of the two uses that nonce up, no gap is left (nonces.py).
"""

from django.db import transaction

from dex import DexError, Engine, SignedTransaction
from orders.models import Account, Submission, new_id
from orders.services.approve import WalletPaused
from orders.services.audit import Actor, Entry, record, record_signatures
from orders.services.pause import lock_controls
from orders.services.signed import add_signed
from orders.services.submit import broadcast
from orders.services.wallets import ensure_wallets, lock_wallets, take_nonces


def delegate_wallet(account: Account, is_on: bool, *, engine: Engine, actor: Actor) -> SignedTransaction:
    """Sign, store and send it. A pause stops all but taking it back.

    Raises: DexError, WalletPaused.
    """
    fees = engine.prepare()
    wallet = ensure_wallets({account.id}, engine)[account.id]
    with transaction.atomic():
        if lock_controls().halt(engine.chain.chain_id, account.id) and is_on:
            raise WalletPaused("trading is paused: see manage.py resume")
        nonce = lock_wallets([wallet.id]).get(wallet.id)
        if nonce is None:
            raise WalletPaused(f"wallet {wallet.address} is paused: {wallet.paused_reason}")
        signed = engine.chain.delegate(wallet.address, nonce, is_on, fees)
        if isinstance(signed, DexError):
            raise signed
        holds = [Submission(id=new_id(), wallet=wallet, nonce=item.nonce) for item in signed]
        Submission.objects.bulk_create(holds)
        add_signed((hold.id, item, True) for hold, item in zip(holds, signed, strict=True))
        take_nonces(wallet.id, len(signed))
        verb = "wallet.delegate" if is_on else "wallet.undelegate"
        after = {"tx_hash": signed[0].tx_hash}
        record(actor, [Entry(verb, f"wallet:{wallet.address}", after=after, account_id=account.id)])
        record_signatures(signed)
    broadcast(signed[:1], engine)
    return signed[0]
