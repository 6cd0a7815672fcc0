"""Gives an account another wallet on a chain: one with a key of its own, or the one that is derived for it again.

A wallet's row, with its nonces, stays when another takes its place: what it has signed stays readable.
"""

from django.db import IntegrityError, connection, transaction
from django.db.models.functions import Now

from dex import Engine
from orders.audit.record import Actor, Entry, record
from orders.models import Account, Submission, Wallet
from orders.risk.pause import lock_alone


class WalletInUse(Exception):
    """The account cannot change its wallet now, or not to this one; the message says why."""


def bind_wallet(account: Account, address: str, *, engine: Engine, actor: Actor) -> Wallet:
    """Sign the account's orders with this wallet from now on, from the chain's nonce on; again is harmless.

    Refused while a transaction of the old one is not final: no stage would follow its nonces any more. Orders that
    are not signed yet go on with the new wallet.
    Raises: WalletInUse; RetryableError when the chain cannot be reached.
    """
    chain_id = engine.chain.chain_id
    nonce = engine.chain.next_nonce(address)
    try:
        with transaction.atomic():
            # Waits for those that sign, and holds up the next ones until they see the new row.
            lock_alone()
            rows = list(_locked(account, chain_id, address))
            old = next((row for row in rows if row.account_id == account.id and row.retired_at is None), None)
            new = next((row for row in rows if row.address == address), None)
            if old is not None and old.address == address:
                return old
            _refuse(account, old, new)
            if old is not None:
                Wallet.objects.filter(pk=old.pk).update(retired_at=Now())
            bound = _bound(account, chain_id, address, nonce, new)
            before = {"address": old.address} if old else None
            entry = Entry("wallet.bind", f"wallet:{address}", before, {"address": address}, account.id)
            record(actor, [entry])
    except IntegrityError as error:  # a worker has just made the account's first wallet
        raise WalletInUse("another process is at the account's wallet: try again") from error
    return bound


def _locked(account: Account, chain_id: str, address: str) -> list[Wallet]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT id FROM orders_wallet WHERE chain_id = %s AND (account_id = %s OR address = %s)"
            " ORDER BY id FOR UPDATE",
            [chain_id, account.id, address],
        )
        ids = [row[0] for row in cursor.fetchall()]
    return list(Wallet.objects.filter(pk__any_of=ids))


def _refuse(account: Account, old: Wallet | None, new: Wallet | None) -> None:
    """Raises: WalletInUse."""
    if new is not None and new.account_id != account.id:
        raise WalletInUse(f"{new.address} is or was the wallet of another account")
    if old is None:
        return
    open_count = Submission.objects.filter(wallet=old, closed_at__isnull=True).count()
    if open_count:
        raise WalletInUse(
            f"{open_count} transactions of {old.address} are not final yet: pause the account "
            f"(manage.py pause account {account.name}), wait until they are, then try again"
        )


def _bound(account: Account, chain_id: str, address: str, nonce: int, known: Wallet | None) -> Wallet:
    if known is None:
        return Wallet.objects.create(account=account, chain_id=chain_id, address=address, next_nonce=nonce)
    known.retired_at, known.next_nonce = None, max(known.next_nonce, nonce)
    known.save(update_fields=["retired_at", "next_nonce"])
    return known
