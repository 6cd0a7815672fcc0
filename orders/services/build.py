"""Signs a batch of routed orders and stores the bytes before any of them leaves this machine."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from django.db import connection, transaction

from dex import DexError, Engine, RetryableError, Side, SignedTransaction, SwapIntent
from orders.config import Policy
from orders.models import Wallet, new_id
from orders.problems import Problem
from orders.routes import decode_route
from orders.services.claim import ClaimedOrder
from orders.services.route import expired
from orders.services.settled import Settled, fail, problem_of, retry
from orders.services.transition import Change, transition
from orders.services.wallets import ensure_wallets, lock_wallets, take_nonces
from orders.states import OrderStatus, Stage


@dataclass(frozen=True, slots=True)
class Hold:
    """An order with the nonce and bytes that are about to be stored for it."""

    order: ClaimedOrder
    wallet_id: int
    signed: SignedTransaction


def build_orders(orders: Sequence[ClaimedOrder], *, engine: Engine, policy: Policy) -> Settled:
    """Take nonces, sign, and store submissions, all in one transaction: a crash leaves all of it or nothing."""
    settled = Settled(wakes={Stage.SUBMIT: 0.0})
    changes = [fail(order, expired(order)) for order in orders if order.is_expired]
    stale = {order.id for order in orders if not order.is_expired and _is_stale(order)}
    for order in orders:
        if order.id in stale:
            changes.append(_requote(order, policy))
            settled.wakes[Stage.ROUTE] = 0.0
    ready = [order for order in orders if not order.is_expired and order.id not in stale]
    try:
        engine.prepare()
        wallets = ensure_wallets({order.account_id for order in ready}, engine)
    except RetryableError as error:
        settled.retry = error
        settled.events = transition([*changes, *(_retry(order, error, policy) for order in ready)])
        return settled
    with transaction.atomic():
        holds, refused = _sign(_still_ours(ready), wallets, engine, policy)
        _store(holds)
        settled.events = transition([*changes, *refused])
    return settled


def _is_stale(order: ClaimedOrder) -> bool:
    limit_ms = order.terms.get("max_quote_age_ms")
    return limit_ms is not None and (order.claimed_at - order.updated_at).total_seconds() * 1000 > limit_ms


def _requote(order: ClaimedOrder, policy: Policy) -> Change:
    age_ms = int((order.claimed_at - order.updated_at).total_seconds() * 1000)
    problem = Problem(
        "slippage", f"the quote was {age_ms} ms old, max_quote_age_ms is {order.terms['max_quote_age_ms']}"
    )
    if order.attempt >= policy.max_attempts:
        return fail(order, problem)
    return retry(order, OrderStatus.ROUTING, problem, policy)


def _retry(order: ClaimedOrder, error: RetryableError, policy: Policy) -> Change:
    if order.attempt >= policy.max_attempts:
        return fail(order, problem_of(error))
    return retry(order, OrderStatus.BUILDING, problem_of(error), policy)


def _still_ours(orders: Sequence[ClaimedOrder]) -> list[ClaimedOrder]:
    """Lock the rows that nobody took over or cancelled since the claim; the rest is dropped."""
    if not orders:
        return []
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT id FROM orders_order
            WHERE id = ANY(%s) AND lease_token = %s AND status = 'BUILDING' AND tx_hash IS NULL
            ORDER BY id FOR UPDATE
            """,
            [[order.id for order in orders], orders[0].lease_token],
        )
        held: set[UUID] = {row[0] for row in cursor.fetchall()}
    return [order for order in orders if order.id in held]


def _sign(
    orders: Sequence[ClaimedOrder], wallets: dict[int, Wallet], engine: Engine, policy: Policy
) -> tuple[list[Hold], list[Change]]:
    holds: list[Hold] = []
    refused: list[Change] = []
    by_account: dict[int, list[ClaimedOrder]] = defaultdict(list)
    for order in orders:
        by_account[order.account_id].append(order)
    nonces = lock_wallets([wallets[account_id].id for account_id in by_account])
    for account_id, group in by_account.items():
        wallet = wallets[account_id]
        signed, errors = _sign_in_turn(group, wallet.address, nonces[wallet.id], engine, policy)
        holds += [Hold(order, wallet.id, transaction_) for order, transaction_ in signed]
        refused += [fail(order, problem_of(error)) for order, error in errors]
        if signed:
            take_nonces(wallet.id, len(signed))
    return holds, refused


def _sign_in_turn(
    orders: Sequence[ClaimedOrder], address: str, nonce: int, engine: Engine, policy: Policy
) -> tuple[list[tuple[ClaimedOrder, SignedTransaction]], list[tuple[ClaimedOrder, DexError]]]:
    """Sign with consecutive nonces. A refused order leaves no hole: those left are signed again without it."""
    errors: list[tuple[ClaimedOrder, DexError]] = []
    left = list(orders)
    while left:
        answers = engine.build([_intent(order, address, nonce + i, policy) for i, order in enumerate(left)])
        refused = [(o, a) for o, a in zip(left, answers, strict=True) if isinstance(a, DexError)]
        if not refused:
            return [(o, a) for o, a in zip(left, answers, strict=True) if isinstance(a, SignedTransaction)], errors
        errors += refused
        refused_ids = {order.id for order, _ in refused}
        left = [order for order in left if order.id not in refused_ids]
    return [], errors


def _intent(order: ClaimedOrder, address: str, nonce: int, policy: Policy) -> SwapIntent:
    assert order.route is not None
    assert order.min_amount_out is not None
    assert order.max_amount_in is not None
    deadline = int(order.claimed_at.timestamp()) + policy.deadline_s
    if order.expires_at is not None:
        deadline = min(deadline, int(order.expires_at.timestamp()))
    return SwapIntent(
        wallet=address,
        nonce=nonce,
        side=Side(order.side),
        route=decode_route(order.route),
        min_amount_out=order.min_amount_out,
        max_amount_in=order.max_amount_in,
        deadline=deadline,
        scenario=order.terms.get("scenario", "none"),
    )


def _store(holds: Sequence[Hold]) -> None:
    """Write submissions and bytes, and point each order at its hash; the orders are due for broadcast."""
    if not holds:
        return
    ids = [new_id() for _ in holds]
    order_ids = [hold.order.id for hold in holds]
    hashes = [hold.signed.tx_hash for hold in holds]
    with connection.cursor() as cursor:
        cursor.execute(
            """
            WITH held AS (
                INSERT INTO orders_submission (id, order_id, wallet_id, nonce)
                SELECT * FROM unnest(%s::uuid[], %s::uuid[], %s::bigint[], %s::bigint[])
            ), signed AS (
                INSERT INTO orders_signedtransaction (submission_id, raw, tx_hash, deadline, sent_count)
                SELECT *, 0 FROM unnest(%s::uuid[], %s::bytea[], %s::text[], %s::bigint[])
            )
            UPDATE orders_order o
            SET tx_hash = v.tx_hash, lease_until = NULL, lease_token = NULL, claim_count = 0, due_at = now()
            FROM unnest(%s::uuid[], %s::text[]) AS v(order_id, tx_hash) WHERE o.id = v.order_id
            """,
            [
                ids,
                order_ids,
                [hold.wallet_id for hold in holds],
                [hold.signed.nonce for hold in holds],
                ids,
                [hold.signed.raw for hold in holds],
                hashes,
                [hold.signed.deadline for hold in holds],
                order_ids,
                hashes,
            ],
        )
