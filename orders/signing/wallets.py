"""Wallet rows: one address in use per account and chain, and the only code that hands out nonces."""

import logging
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any

import orjson
from django.db import connection, transaction
from django.db.models import BooleanField, ExpressionWrapper, Q

from dex import ChainUnavailable, Engine
from orders.audit.record import Actor, Entry, record
from orders.database.recordset import recordset
from orders.database.session import session
from orders.models import Account, Submission, Wallet
from orders.pauses import NONE as NOT_PAUSED
from orders.pauses import Control, Controls

logger = logging.getLogger(__name__)


def ensure_wallets(account_ids: Iterable[int], engine: Engine) -> dict[int, Wallet]:
    """The wallet of each account on the engine's chain, made on first use and ready to sign.

    Asks the chain for the first free nonce and may open a keystore, so it must run outside a transaction.
    Raises: RetryableError when the chain cannot be reached.
    """
    wanted = set(account_ids)
    chain_id = engine.chain.chain_id
    wallets = _in_use(chain_id, wanted)
    missing = sorted(wanted - wallets.keys())
    if missing:
        new = []
        for account_id in missing:
            address = engine.chain.address_of(owner_of(account_id))
            new.append(
                Wallet(
                    account_id=account_id,
                    chain_id=chain_id,
                    address=address,
                    next_nonce=engine.chain.next_nonce(address),
                )
            )
        Wallet.objects.bulk_create(new, ignore_conflicts=True)
        wallets = _in_use(chain_id, wanted)
    for wallet in wallets.values():
        engine.chain.hold_wallet(owner_of(wallet.account_id), wallet.address)
    return wallets


# Of an order `o`, for `known_wallet`: id, address, and whether something signed from it may be on its way. What is open
# is asked for in the index's order: a walk along it notes what is dead, and the next one does not look at it again.
WALLET_IN_USE = """
    SELECT jsonb_build_array(w.id, w.address, w.id IN (
        SELECT wallet_id FROM orders_submission WHERE closed_at IS NULL ORDER BY order_id))
    FROM orders_wallet w WHERE w.account_id = o.account_id AND w.chain_id = o.chain_id AND w.retired_at IS NULL"""


def known_wallet(account_id: int, read: str, engine: Engine) -> Wallet:
    """What `ensure_wallets` gives, from what was read with an order. It may have been retired since: its lock tells."""
    wallet_id, address, is_busy = orjson.loads(read)
    wallet = Wallet(id=wallet_id, account_id=account_id, chain_id=engine.chain.chain_id, address=address)
    wallet.is_busy = is_busy
    engine.chain.hold_wallet(owner_of(account_id), address)
    return wallet


def closed_venues(account_ids: Iterable[int], engine: Engine, *, makes_wallets: bool) -> dict[int, frozenset[str]]:
    """Venues where each account cannot trade, since its wallet does not act in batches; without those that can.

    Without `makes_wallets` an account that has no wallet yet counts as one of them. Raises: RetryableError.
    """
    chain = engine.delegates
    if chain is None or not (venues := chain.batch_venues):
        return {}
    wanted = set(account_ids)
    found = ensure_wallets(wanted, engine) if makes_wallets else _in_use(engine.chain.chain_id, wanted)
    able = chain.acting_in_batches([wallet.address for wallet in found.values()])
    return {id_: venues for id_ in wanted if id_ not in found or found[id_].address not in able}


def wallet_address(account: Account, engine: Engine) -> str:
    """What signs the account's orders: its wallet in use, or the one that it would get."""
    wallet = Wallet.objects.filter(account=account, chain_id=engine.chain.chain_id, retired_at__isnull=True).first()
    return wallet.address if wallet else engine.chain.address_of(owner_of(account.id))


def owner_of(account_id: int) -> str:
    """An account as signers know it."""
    return f"account/{account_id}"


def _in_use(chain_id: str, account_ids: set[int]) -> dict[int, Wallet]:
    open_ones = Submission.objects.filter(closed_at__isnull=True)
    is_busy = ExpressionWrapper(Q(pk__in=open_ones.values("wallet_id")), output_field=BooleanField())
    wallets = Wallet.objects.filter(chain_id=chain_id, account_id__any_of=account_ids, retired_at__isnull=True)
    found: dict[int, Wallet] = {}
    for wallet in wallets.annotate(has_open=is_busy):
        wallet.is_busy = wallet.has_open
        found[wallet.account_id] = wallet
    return found


def lock_wallets(wallet_ids: Sequence[int]) -> dict[int, int]:
    """Lock the rows, lowest id first, and return each wallet's next nonce. Needs a transaction.

    Wallets that are paused or not in use any more are missing from the answer: nothing may be signed from them.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT id, next_nonce, paused_reason <> '' OR retired_at IS NOT NULL FROM orders_wallet"
            " WHERE id = ANY(%s) ORDER BY id FOR UPDATE",
            [sorted(wallet_ids)],
        )
        return {wallet_id: nonce for wallet_id, nonce, is_shut in cursor.fetchall() if not is_shut}


def lock_to_sign(wallet_ids: Collection[int]) -> Callable[[], tuple[dict[int, int], Controls]]:
    """As `lock_wallets`, and the pauses in force. Needs a transaction that holds pauses off in an earlier statement.

    It goes out with the transaction's next statement, or when it is called for.
    """
    answer = session.later(
        """
        SELECT id, next_nonce, paused_reason <> '' OR retired_at IS NOT NULL, (
            SELECT jsonb_agg(jsonb_build_array(chain_id, account_id, venue)) FROM orders_tradingcontrol)::text
        FROM orders_wallet WHERE id = ANY(%s::bigint[]) ORDER BY id FOR UPDATE
        """,
        [sorted(wallet_ids)],
    )
    return lambda: _to_sign(answer.rows())


def _to_sign(rows: Sequence[Sequence[Any]]) -> tuple[dict[int, int], Controls]:
    controls = Controls([Control(*row) for row in orjson.loads(rows[0][3])]) if rows and rows[0][3] else NOT_PAUSED
    return {wallet_id: nonce for wallet_id, nonce, is_shut, _ in rows if not is_shut}, controls


def lock_all_wallets(wallet_ids: Sequence[int]) -> dict[int, int]:
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


def pause_wallets(reasons: Mapping[int, str]) -> list[Entry]:
    """Sign nothing new from these wallets until an operator resumes them, each for its reason; needs a transaction.

    An entry for each that was not paused yet: `record_pauses` must be the last act of the transaction.
    """
    if not reasons:
        return []
    rows = [{"id": wallet_id, "reason": reason[:200]} for wallet_id, reason in reasons.items()]
    with connection.cursor() as cursor:
        cursor.execute(
            """
            WITH v AS (
                SELECT * FROM jsonb_to_recordset(%s::jsonb) AS v(id bigint, reason text)
            ), locked AS MATERIALIZED (
                SELECT id FROM orders_wallet WHERE id IN (SELECT id FROM v) ORDER BY id FOR NO KEY UPDATE
            )
            UPDATE orders_wallet w SET paused_reason = v.reason FROM v JOIN locked USING (id)
            WHERE w.id = v.id AND w.paused_reason = '' RETURNING w.address, w.account_id, w.paused_reason
            """,
            [recordset(rows)],
        )
        return [_entry("wallet.pause", address, owner, "", reason) for address, owner, reason in cursor.fetchall()]


def record_pauses(entries: Iterable[Entry]) -> None:
    """Say in the audit log and in the log what `pause_wallets` has paused."""
    for entry in entries:
        reason = entry.after["paused_reason"]
        logger.critical("%s is paused: %s", entry.subject, reason)
        record(Actor("engine", reason=reason), [entry])


def resume_wallet(wallet: Wallet, engine: Engine, actor: Actor) -> int | None:
    """Let orders sign from the wallet again, from the chain's nonce on where that has run ahead; the next nonce.

    None when it is not paused. Raises: RetryableError when the chain cannot be reached, or is another engine's.
    """
    if wallet.chain_id != engine.chain.chain_id:
        raise ChainUnavailable(f"the wallet is on {wallet.chain_id}: the engine of that chain resumes it")
    nonce = engine.chain.next_nonce(wallet.address)
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute(
                """
                UPDATE orders_wallet w SET paused_reason = '', next_nonce = greatest(w.next_nonce, %s)
                FROM (SELECT id, paused_reason FROM orders_wallet WHERE id = %s FOR NO KEY UPDATE) was
                WHERE w.id = was.id AND was.paused_reason <> '' RETURNING was.paused_reason, w.next_nonce
                """,
                [nonce, wallet.id],
            )
            row = cursor.fetchone()
        if row is None:
            return None
        record(actor, [_entry("wallet.resume", wallet.address, wallet.account_id, row[0], "")])
    return int(row[1])


def _entry(action: str, address: str, account_id: int, before: str, after: str) -> Entry:
    return Entry(action, f"wallet:{address}", {"paused_reason": before}, {"paused_reason": after}, account_id)
