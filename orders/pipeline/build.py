"""Signs a batch of routed orders and stores the bytes before any of them leaves this machine."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple
from uuid import UUID

from django.db import connection, transaction

from dex import DexError, Engine, LimitNotMet, PreparedSwap, RetryableError, SignedTransaction
from orders.audit.record import record_signatures
from orders.config import Policy
from orders.database.recordset import id_array, recordset, to_json
from orders.models import Wallet, new_id
from orders.pauses import Controls
from orders.pipeline.claim import ClaimedOrder, release_orders
from orders.pipeline.results import Settled, cancelled, fail, move, retry
from orders.pipeline.route import end_unsigned, is_wanted
from orders.pipeline.transition import Change, transition
from orders.pipeline.trial import try_swaps
from orders.pipeline.waiting import Unasked, wait
from orders.problems import Problem, problem_of
from orders.risk.pause import lock_controls
from orders.signing.wallets import ensure_wallets, lock_wallets, take_nonces
from orders.states import OrderStatus, Stage

# How soon orders of a paused wallet are looked at again.
PAUSED_LOOK_S = 5.0


@dataclass(frozen=True, slots=True)
class NewSubmission:
    """An order with the nonce and bytes that are about to be stored for it."""

    order: ClaimedOrder
    wallet_id: int
    signed: SignedTransaction


@dataclass(frozen=True, slots=True)
class _Means:
    """What a batch is signed with."""

    engine: Engine
    policy: Policy
    wallets: dict[int, Wallet]
    swaps: dict[UUID, PreparedSwap]


class _Ours(NamedTuple):
    """What a row that this claim still holds says behind its lock."""

    quote_age_ms: int
    is_called_back: bool


def build_orders(orders: Sequence[ClaimedOrder], *, engine: Engine, policy: Policy) -> Settled:
    """Take nonces, sign, and store submissions, all in one transaction: a crash leaves all of it or nothing."""
    settled = Settled()
    changes = end_unsigned(orders)
    wanted = [order for order in orders if is_wanted(order)]
    try:
        fees = engine.prepare()
        wallets = ensure_wallets({order.account_id for order in wanted}, engine)
        swaps, doubts = try_swaps(wanted, wallets, fees, engine, policy)
    except RetryableError as error:
        changes += wait([(order, error) for order in wanted], Stage.BUILD, policy, settled)
        settled.events = transition(changes)
        return settled
    ready = [order for order in wanted if order.waiting_for is None and order.id not in doubts]
    if len(ready) < len(wanted):
        changes += _held_back(wanted, doubts, policy, settled)
    _sign_and_store(ready, _Means(engine, policy, wallets, swaps), changes, settled)
    return settled


def _sign_and_store(orders: Sequence[ClaimedOrder], means: _Means, changes: list[Change], settled: Settled) -> None:
    """Sign what may still be signed by what stands behind the rows' locks, and settle it together with `changes`."""
    engine, wallets = means.engine, means.wallets
    with transaction.atomic():
        controls = lock_controls()
        ours = _still_ours(orders)
        changes += [cancelled(order) for order in orders if order.id in ours and ours[order.id].is_called_back]
        free = [order for order in orders if order.id in ours and not ours[order.id].is_called_back]
        paused = [order for order in free if _is_paused(order, controls, engine.chain.chain_id)]
        changes += [_route_again(order, {"halted": True}) for order in paused]
        stale = [order for order in free if order not in paused and _is_stale(order, ours[order.id].quote_age_ms)]
        changes += [_requote(order, ours[order.id].quote_age_ms, means.policy) for order in stale]
        fresh = [order for order in free if order not in paused and order not in stale] if paused or stale else free
        nonces = lock_wallets([wallets[account_id].id for account_id in {order.account_id for order in fresh}])
        able = [order for order in fresh if wallets[order.account_id].id in nonces]
        release_orders((order, PAUSED_LOOK_S) for order in fresh if wallets[order.account_id].id not in nonces)
        submissions, refused = _sign(able, means, nonces)
        _store(submissions, means.policy)
        settled.events = transition([*changes, *refused])
        record_signatures(submission.signed for submission in submissions)
    settled.carried = [submission.order._replace(tx_hash=submission.signed.tx_hash) for submission in submissions]
    if stale or paused:
        settled.wakes.add((Stage.ROUTE, 0.0))


def _held_back(
    orders: Sequence[ClaimedOrder], doubts: dict[UUID, DexError], policy: Policy, settled: Settled
) -> list[Change]:
    """What becomes of those that are not signed now: the simulation failed or got no answer, or the route is old.

    A route from before a wait is exchanged for one at current prices, for any result of the simulation.
    """
    settled.wakes.add((Stage.ROUTE, policy.retry_base_s))
    unasked: list[Unasked] = []
    changes = []
    for order in orders:
        doubt = doubts.get(order.id)
        if isinstance(doubt, RetryableError):
            unasked.append((order, doubt))
        elif order.waiting_for is not None:
            changes.append(_route_again(order, {"waited": order.waiting_for}))
            settled.wakes.add((Stage.ROUTE, 0.0))
        elif doubt is not None:
            changes.append(_undone(order, doubt, policy))
    return changes + wait(unasked, Stage.BUILD, policy, settled)


def _undone(order: ClaimedOrder, error: DexError, policy: Policy) -> Change:
    """Routed again where only the price is to blame and attempts are left; nothing was signed."""
    if isinstance(error, LimitNotMet) and order.attempt < policy.max_attempts:
        return retry(order, OrderStatus.ROUTING, problem_of(error), policy)
    return fail(order, problem_of(error))


def _is_paused(order: ClaimedOrder, controls: Controls, chain_id: str) -> bool:
    assert order.plan is not None
    return bool(controls.rows) and controls.stop(chain_id, order.account_id, order.plan.venues)


def _is_stale(order: ClaimedOrder, age_ms: int) -> bool:
    limit_ms = order.terms.max_quote_age_ms
    return limit_ms is not None and age_ms > limit_ms


def _requote(order: ClaimedOrder, age_ms: int, policy: Policy) -> Change:
    problem = Problem("slippage", f"the quote was {age_ms} ms old, max_quote_age_ms is {order.terms.max_quote_age_ms}")
    if order.attempt >= policy.max_attempts:
        return fail(order, problem)
    return retry(order, OrderStatus.ROUTING, problem, policy)


def _route_again(order: ClaimedOrder, why: dict[str, object]) -> Change:
    """Held up before it was signed: it goes back to those to be routed, for prices that hold when it goes on."""
    return move(order, OrderStatus.ROUTING, fields={"route": None}, data=why)


def _still_ours(orders: Sequence[ClaimedOrder]) -> dict[UUID, _Ours]:
    """Lock the rows that no other worker took over since the claim, and read them again."""
    if not orders:
        return {}
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT id, (extract(epoch FROM clock_timestamp() - updated_at) * 1000)::bigint,
                   cancel_requested_at IS NOT NULL
            FROM orders_order
            WHERE id = ANY(%s::uuid[]) AND lease_token = %s AND status = 'BUILDING' AND tx_hash IS NULL
            ORDER BY id FOR UPDATE
            """,
            [id_array(order.id for order in orders), orders[0].lease_token],
        )
        return {order_id: _Ours(*rest) for order_id, *rest in cursor.fetchall()}


def _sign(
    orders: Sequence[ClaimedOrder], means: _Means, nonces: dict[int, int]
) -> tuple[list[NewSubmission], list[Change]]:
    submissions: list[NewSubmission] = []
    refused: list[Change] = []
    by_account: dict[int, list[ClaimedOrder]] = defaultdict(list)
    for order in orders:
        by_account[order.account_id].append(order)
    for account_id, group in by_account.items():
        wallet = means.wallets[account_id]
        signed, errors = _sign_in_turn(group, nonces[wallet.id], means)
        submissions += [NewSubmission(order, wallet.id, transaction_) for order, transaction_ in signed]
        refused += [fail(order, problem_of(error)) for order, error in errors]
        if signed:
            take_nonces(wallet.id, len(signed))
    return submissions, refused


def _sign_in_turn(
    orders: Sequence[ClaimedOrder], nonce: int, means: _Means
) -> tuple[list[tuple[ClaimedOrder, SignedTransaction]], list[tuple[ClaimedOrder, DexError]]]:
    """Sign with consecutive nonces. A refused order leaves no hole: those left are signed again without it."""
    errors: list[tuple[ClaimedOrder, DexError]] = []
    left = list(orders)
    while left:
        swaps = [means.swaps[order.id] for order in left]
        answers = means.engine.build([swap.at(nonce + i, swap.intent.fees) for i, swap in enumerate(swaps)])
        refused = [(o, a) for o, a in zip(left, answers, strict=True) if isinstance(a, DexError)]
        if not refused:
            return [(o, a) for o, a in zip(left, answers, strict=True) if isinstance(a, SignedTransaction)], errors
        errors += refused
        refused_ids = {order.id for order, _ in refused}
        left = [order for order in left if order.id not in refused_ids]
    return [], errors


def _store(submissions: Sequence[NewSubmission], policy: Policy) -> None:
    """Write submissions and bytes, and point each order at its hash; its lease goes on into the broadcast."""
    if not submissions:
        return
    rows = [
        {
            "id": new_id(),
            "order_id": submission.order.id,
            "wallet_id": submission.wallet_id,
            "nonce": submission.signed.nonce,
            "raw": to_json(submission.signed.raw),
            "tx_hash": submission.signed.tx_hash,
            "deadline": submission.signed.deadline,
            "max_fee": submission.signed.fees.max_fee,
            "priority_fee": submission.signed.fees.priority_fee,
        }
        for submission in submissions
    ]
    with connection.cursor() as cursor:
        cursor.execute(
            """
            WITH v AS MATERIALIZED (
                SELECT * FROM jsonb_to_recordset(%s::jsonb)
                    AS v(id uuid, order_id uuid, wallet_id bigint, nonce bigint, raw bytea, tx_hash text,
                         deadline bigint, max_fee bigint, priority_fee bigint)
            ), held AS (
                INSERT INTO orders_submission (id, order_id, wallet_id, nonce)
                SELECT id, order_id, wallet_id, nonce FROM v
            ), signed AS (
                INSERT INTO orders_signedtransaction (submission_id, raw, tx_hash, deadline, max_fee, priority_fee)
                SELECT id, raw, tx_hash, deadline, max_fee, priority_fee FROM v
            )
            UPDATE orders_order o
            SET tx_hash = v.tx_hash, lease_until = now() + %s * interval '1 second', claim_count = 1, due_at = now()
            FROM v WHERE o.id = v.order_id
            """,
            [recordset(rows), policy.lease_s],
        )
