"""Transactions of a wallet that are no swap: signed, stored and sent as one.

Each holds its nonce like everything else, and is seen through by what consumes nonces (nonces.py).
"""

from collections.abc import Callable, Mapping
from typing import Any

from django.db import transaction

from dex import DexError, Engine, Fees, FeeStrategy, SignedTransaction
from orders.audit.record import Actor, Entry, record, record_signatures
from orders.models import Account, Submission, new_id
from orders.risk.pause import lock_controls
from orders.signing.submissions import add_signed
from orders.signing.wallets import ensure_wallets, lock_wallets, take_nonces

# Of a wallet's address, its next nonce and the usual fees.
Sign = Callable[[str, int, Fees], list[SignedTransaction] | DexError]


class WalletPaused(Exception):
    """Nothing is signed from the wallet until an operator resumes it."""


def store_signed(
    account: Account,
    action: str,
    sign: Sign,
    tell: Callable[[list[SignedTransaction]], Mapping[str, Any]],
    *,
    takes_back: bool,
    engine: Engine,
    actor: Actor,
) -> list[SignedTransaction]:
    """Sign with the wallet's next nonces and commit; the bytes may leave after that, and do so in any case.

    `tell` says what the audit log keeps of it under `action`. A pause stops all but what revokes an allowance.
    Raises: DexError, WalletPaused; nothing is stored then.
    """
    fees = engine.prepare()[FeeStrategy.NORMAL]
    wallet = ensure_wallets({account.id}, engine)[account.id]
    with transaction.atomic():
        if lock_controls().halt(engine.chain.chain_id, account.id) and not takes_back:
            raise WalletPaused("trading is paused: see manage.py resume")
        nonce = lock_wallets([wallet.id]).get(wallet.id)
        if nonce is None:
            raise WalletPaused(f"wallet {wallet.address} is paused: {wallet.paused_reason}")
        signed = sign(wallet.address, nonce, fees)
        if isinstance(signed, DexError):
            raise signed
        submissions = [Submission(id=new_id(), wallet=wallet, key=item.nonce) for item in signed]
        Submission.objects.bulk_create(submissions)
        add_signed((submission.id, item, True) for submission, item in zip(submissions, signed, strict=True))
        take_nonces(wallet.id, len(signed))
        told = dict(tell(signed))
        record(actor, [Entry(action, f"wallet:{wallet.address}", after=told, account_id=account.id)])
        record_signatures(signed)
    return signed
