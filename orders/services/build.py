"""Signs a batch of routed orders and stores the bytes before any of them leaves this machine."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from django.db import connection, transaction

from dex import DexError, Engine, Fees, LimitNotMet, RetryableError, Side, SignedTransaction, SwapIntent
from orders.config import Policy
from orders.models import Wallet, new_id
from orders.problems import Problem
from orders.recordset import id_array, recordset, to_json
from orders.routes import decode_route
from orders.services.audit import record_signatures
from orders.services.claim import ClaimedOrder, release_orders
from orders.services.pause import lock_controls
from orders.services.route import expired
from orders.services.settled import Settled, fail, move, problem_of, retry
from orders.services.transition import Change, transition
from orders.services.wallets import ensure_wallets, lock_wallets, take_nonces
from orders.states import OrderStatus, Stage

# How soon orders of a paused wallet are looked at again.
PAUSED_LOOK_S = 5.0


@dataclass(frozen=True, slots=True)
class Hold:
    """An order with the nonce and bytes that are about to be stored for it."""

    order: ClaimedOrder
    wallet_id: int
    signed: SignedTransaction


def build_orders(orders: Sequence[ClaimedOrder], *, engine: Engine, policy: Policy) -> Settled:
    """Take nonces, sign, and store submissions, all in one transaction: a crash leaves all of it or nothing."""
    settled = Settled()
    changes = [fail(order, expired(order)) for order in orders if order.is_expired]
    ready = [order for order in orders if not order.is_expired]
    try:
        fees = engine.prepare()
        wallets = ensure_wallets({order.account_id for order in ready}, engine)
        doubts = _rehearse(ready, wallets, fees, engine, policy)
    except RetryableError as error:
        settled.retry = error
        settled.events = transition([*changes, *(_retry(order, error, policy) for order in ready)])
        return settled
    changes += [_undone(order, doubts[order.id], policy) for order in ready if order.id in doubts]
    ready = [order for order in ready if order.id not in doubts]
    with transaction.atomic():
        controls = lock_controls()
        ages_ms = _still_ours(ready)
        paused = [o for o in ready if o.id in ages_ms and controls.stop(engine.chain.chain_id, o.account_id, o.route)]
        changes += [_route_anew(order) for order in paused]
        held = [order for order in ready if order.id in ages_ms and order not in paused]
        stale = [order for order in held if _is_stale(order, ages_ms[order.id])]
        changes += [_requote(order, ages_ms[order.id], policy) for order in stale]
        fresh = [order for order in held if order not in stale] if stale else held
        nonces = lock_wallets([wallets[account_id].id for account_id in {order.account_id for order in fresh}])
        able = [order for order in fresh if wallets[order.account_id].id in nonces]
        release_orders((order, PAUSED_LOOK_S) for order in fresh if wallets[order.account_id].id not in nonces)
        holds, refused = _sign(able, wallets, nonces, fees, engine, policy)
        _store(holds, policy)
        settled.events = transition([*changes, *refused])
        record_signatures(hold.signed for hold in holds)
    settled.carried = [hold.order._replace(tx_hash=hold.signed.tx_hash) for hold in holds]
    if doubts:
        settled.wakes.add((Stage.ROUTE, policy.retry_base_s))
    if stale or paused:
        settled.wakes.add((Stage.ROUTE, 0.0))
    return settled


def _rehearse(
    orders: Sequence[ClaimedOrder], wallets: dict[int, Wallet], fees: Fees, engine: Engine, policy: Policy
) -> dict[UUID, DexError]:
    """What the chain itself says would undo some of them, by order id. Raises: RetryableError.

    Their nonces are not known yet, and do not matter.
    """
    if not engine.rehearses or not orders:
        return {}
    tried = [_intent(order, wallets[order.account_id].address, 0, fees, policy) for order in orders]
    answers = zip(orders, engine.rehearse(tried), strict=True)
    return {order.id: answer for order, answer in answers if answer is not None}


def _undone(order: ClaimedOrder, error: DexError, policy: Policy) -> Change:
    """Routed again where only the price is to blame and attempts are left; nothing was signed."""
    if isinstance(error, LimitNotMet) and order.attempt < policy.max_attempts:
        return retry(order, OrderStatus.ROUTING, problem_of(error), policy)
    return fail(order, problem_of(error))


def _is_stale(order: ClaimedOrder, age_ms: int) -> bool:
    limit_ms = order.terms.get("max_quote_age_ms")
    return limit_ms is not None and age_ms > limit_ms


def _requote(order: ClaimedOrder, age_ms: int, policy: Policy) -> Change:
    problem = Problem(
        "slippage", f"the quote was {age_ms} ms old, max_quote_age_ms is {order.terms['max_quote_age_ms']}"
    )
    if order.attempt >= policy.max_attempts:
        return fail(order, problem)
    return retry(order, OrderStatus.ROUTING, problem, policy)


def _route_anew(order: ClaimedOrder) -> Change:
    """Paused before it was signed: it waits among those to be routed, for prices that hold when it goes on."""
    return move(order, OrderStatus.ROUTING, fields={"route": None}, data={"halted": True})


def _retry(order: ClaimedOrder, error: RetryableError, policy: Policy) -> Change:
    if order.attempt >= policy.max_attempts:
        return fail(order, problem_of(error))
    return retry(order, OrderStatus.BUILDING, problem_of(error), policy)


def _still_ours(orders: Sequence[ClaimedOrder]) -> dict[UUID, int]:
    """Lock the rows that nobody took over or cancelled since the claim; id -> age of the quote in ms."""
    if not orders:
        return {}
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT id, (extract(epoch FROM clock_timestamp() - updated_at) * 1000)::bigint FROM orders_order
            WHERE id = ANY(%s::uuid[]) AND lease_token = %s AND status = 'BUILDING' AND tx_hash IS NULL
            ORDER BY id FOR UPDATE
            """,
            [id_array(order.id for order in orders), orders[0].lease_token],
        )
        return dict(cursor.fetchall())


def _sign(
    orders: Sequence[ClaimedOrder],
    wallets: dict[int, Wallet],
    nonces: dict[int, int],
    fees: Fees,
    engine: Engine,
    policy: Policy,
) -> tuple[list[Hold], list[Change]]:
    holds: list[Hold] = []
    refused: list[Change] = []
    by_account: dict[int, list[ClaimedOrder]] = defaultdict(list)
    for order in orders:
        by_account[order.account_id].append(order)
    for account_id, group in by_account.items():
        wallet = wallets[account_id]
        signed, errors = _sign_in_turn(group, wallet.address, nonces[wallet.id], fees, engine, policy)
        holds += [Hold(order, wallet.id, transaction_) for order, transaction_ in signed]
        refused += [fail(order, problem_of(error)) for order, error in errors]
        if signed:
            take_nonces(wallet.id, len(signed))
    return holds, refused


def _sign_in_turn(
    orders: Sequence[ClaimedOrder], address: str, nonce: int, fees: Fees, engine: Engine, policy: Policy
) -> tuple[list[tuple[ClaimedOrder, SignedTransaction]], list[tuple[ClaimedOrder, DexError]]]:
    """Sign with consecutive nonces. A refused order leaves no hole: those left are signed again without it."""
    errors: list[tuple[ClaimedOrder, DexError]] = []
    left = list(orders)
    while left:
        answers = engine.build([_intent(order, address, nonce + i, fees, policy) for i, order in enumerate(left)])
        refused = [(o, a) for o, a in zip(left, answers, strict=True) if isinstance(a, DexError)]
        if not refused:
            return [(o, a) for o, a in zip(left, answers, strict=True) if isinstance(a, SignedTransaction)], errors
        errors += refused
        refused_ids = {order.id for order, _ in refused}
        left = [order for order in left if order.id not in refused_ids]
    return [], errors


def _intent(order: ClaimedOrder, address: str, nonce: int, fees: Fees, policy: Policy) -> SwapIntent:
    assert order.route is not None
    assert order.min_amount_out is not None
    assert order.max_amount_in is not None
    deadline = order.claimed_s + policy.deadline_s
    if order.expires_s is not None:
        deadline = min(deadline, order.expires_s)
    return SwapIntent(
        wallet=address,
        nonce=nonce,
        side=Side(order.side),
        route=decode_route(order.route),
        min_amount_out=order.min_amount_out,
        max_amount_in=order.max_amount_in,
        deadline=deadline,
        scenario=order.terms.get("scenario", "none"),
        fees=fees,
    )


def _store(holds: Sequence[Hold], policy: Policy) -> None:
    """Write submissions and bytes, and point each order at its hash; its lease goes on into the broadcast."""
    if not holds:
        return
    rows = [
        {
            "id": new_id(),
            "order_id": hold.order.id,
            "wallet_id": hold.wallet_id,
            "nonce": hold.signed.nonce,
            "raw": to_json(hold.signed.raw),
            "tx_hash": hold.signed.tx_hash,
            "deadline": hold.signed.deadline,
            "max_fee": hold.signed.fees.max_fee,
            "priority_fee": hold.signed.fees.priority_fee,
        }
        for hold in holds
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
