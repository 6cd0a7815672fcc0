"""Pauses wallets that run out of the chain's own token, once each time, so that nothing is signed without gas."""

import logging
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from django.db import connection, transaction

from dex import Engine, RetryableError
from dex.chains.capabilities import ChargesGas
from orders.audit.record import Entry
from orders.risk.pause import Target, lock_alone, pause_by_itself

logger = logging.getLogger(__name__)

# Wallets of one question to the chain.
BATCH = 500


class _Wallet(NamedTuple):
    id: int
    address: str
    account_id: int


def guard_gas(engine: Engine) -> list[Target]:
    """Look once at every wallet that has signed; what this call has paused. A chain that is away is asked next time.

    A wallet that an operator resumed is paused again only after it held enough.
    """
    chain_id, paused, chain = engine.chain.chain_id, [], engine.chain
    if not isinstance(chain, ChargesGas):
        return []
    try:
        for wallets in _batches(chain_id):
            low = chain.low_on_gas([wallet.address for wallet in wallets])
            _forget_what_holds_enough([wallet.id for wallet in wallets if wallet.address not in low])
            for wallet in wallets:
                target = Target("wallet", wallet.address, chain_id, wallet.account_id)
                if wallet.address in low and _pause(wallet, target, low[wallet.address]):
                    paused.append(target)
    except RetryableError as error:
        logger.warning("the chain does not say what wallets hold: %s", error.detail)
    return paused


def _pause(wallet: _Wallet, target: Target, detail: str) -> bool:
    with transaction.atomic():
        # Before the wallet's row, as those that sign do.
        lock_alone()
        with connection.cursor() as cursor:
            cursor.execute(
                "UPDATE orders_wallet SET low_since = now() WHERE id = %s AND low_since IS NULL", [wallet.id]
            )
            if not cursor.rowcount:
                return False
        incident = Entry("incident.gas", target.subject, after={"detail": detail}, account_id=wallet.account_id)
        return pause_by_itself(target, f"low on gas: {detail}", incident)


def _batches(chain_id: str) -> Iterator[Sequence[_Wallet]]:
    """Those that have used a nonce, lowest id first: a new one has its first money still to come."""
    last_id = 0
    while True:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT id, address, account_id FROM orders_wallet"
                " WHERE chain_id = %s AND next_nonce > 0 AND id > %s ORDER BY id LIMIT %s",
                [chain_id, last_id, BATCH],
            )
            wallets = [_Wallet(*row) for row in cursor.fetchall()]
        if not wallets:
            return
        last_id = wallets[-1].id
        yield wallets


def _forget_what_holds_enough(wallet_ids: Sequence[int]) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE orders_wallet SET low_since = NULL WHERE id = ANY(%s::bigint[]) AND low_since IS NOT NULL",
            [list(wallet_ids)],
        )
