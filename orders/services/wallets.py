"""Wallet rows: one address per account and chain, and the only code that hands out nonces."""

import logging
from collections.abc import Iterable, Sequence

from django.db import connection

from dex import Engine
from orders.models import Wallet

logger = logging.getLogger(__name__)


def ensure_wallets(account_ids: Iterable[int], engine: Engine) -> dict[int, Wallet]:
    """The wallet of each account on the engine's chain, made on first use.

    Asks the chain for the first free nonce, so it must run outside a transaction.
    Raises: RetryableError when the chain cannot be reached.
    """
    wanted = set(account_ids)
    chain_id = engine.chain.chain_id
    wallets = {w.account_id: w for w in Wallet.objects.filter(chain_id=chain_id, account_id__in=wanted)}
    # A signer knows the keys of the owners that this process has asked it for.
    addresses = {account_id: engine.chain.address_of(f"account/{account_id}") for account_id in wanted}
    missing = sorted(wanted - wallets.keys())
    if missing:
        new = []
        for account_id in missing:
            address = addresses[account_id]
            new.append(
                Wallet(
                    account_id=account_id,
                    chain_id=chain_id,
                    address=address,
                    next_nonce=engine.chain.next_nonce(address),
                )
            )
        Wallet.objects.bulk_create(new, ignore_conflicts=True)
        wallets = {w.account_id: w for w in Wallet.objects.filter(chain_id=chain_id, account_id__in=wanted)}
    return wallets


def lock_wallets(wallet_ids: Sequence[int]) -> dict[int, int]:
    """Lock the rows, lowest id first, and return each wallet's next nonce. Needs a transaction.

    Paused wallets are missing from the answer: nothing may be signed from them.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT id, next_nonce, paused_reason FROM orders_wallet WHERE id = ANY(%s) ORDER BY id FOR UPDATE",
            [sorted(wallet_ids)],
        )
        return {wallet_id: nonce for wallet_id, nonce, paused_reason in cursor.fetchall() if not paused_reason}


def lock_wallets_whatever(wallet_ids: Sequence[int]) -> dict[int, int]:
    """As `lock_wallets`, paused ones too: what only uses nonces up goes on."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT id, next_nonce FROM orders_wallet WHERE id = ANY(%s) ORDER BY id FOR UPDATE", [sorted(wallet_ids)]
        )
        return dict(cursor.fetchall())


def take_nonces(wallet_id: int, count: int) -> None:
    """Advance a locked wallet by the nonces just signed; a rollback gives them back."""
    with connection.cursor() as cursor:
        cursor.execute("UPDATE orders_wallet SET next_nonce = next_nonce + %s WHERE id = %s", [count, wallet_id])


def pause_wallet(wallet_id: int, reason: str) -> bool:
    """Sign nothing new from the wallet until somebody has looked; whether this call paused it."""
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE orders_wallet SET paused_reason = %s WHERE id = %s AND paused_reason = ''",
            [reason[:200], wallet_id],
        )
        is_new = bool(cursor.rowcount)
    if is_new:
        logger.critical("wallet %d is paused: %s", wallet_id, reason)
    return is_new


def resume_wallet(wallet: Wallet, engine: Engine) -> int:
    """Let orders sign from the wallet again, from the chain's nonce on where that has run ahead; the next nonce.

    Raises: RetryableError when the chain cannot be reached.
    """
    nonce = engine.chain.next_nonce(wallet.address)
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE orders_wallet SET paused_reason = '', next_nonce = greatest(next_nonce, %s) WHERE id = %s"
            " RETURNING next_nonce",
            [nonce, wallet.id],
        )
        return int(cursor.fetchone()[0])
