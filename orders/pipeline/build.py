"""Signs a batch of routed orders and stores the bytes before any of them leaves this machine."""

import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import NamedTuple
from uuid import UUID

from django.db import transaction

from dex import DexError, Engine, Fees, FeeStrategy, LimitNotMet, PreparedSwap, RetryableError, SignedTransaction
from orders.config import Policy
from orders.database.recordset import id_array
from orders.database.session import session
from orders.models import Wallet, new_id
from orders.pauses import Controls
from orders.pipeline.claim import ClaimedOrder, release_orders
from orders.pipeline.parents.rows import lock_orders, with_parents
from orders.pipeline.planned import write_planned
from orders.pipeline.results import Settled, cancelled, fail, may_try_again, move, retry
from orders.pipeline.route import end_unsigned, is_wanted
from orders.pipeline.store import NewSubmission, store
from orders.pipeline.transition import Change, transition
from orders.pipeline.trial import try_swaps
from orders.pipeline.waiting import Unasked, wait
from orders.problems import Problem, problem_of
from orders.risk.pause import HOLD_OFF_PAUSES
from orders.signing.wallets import ensure_wallets, known_wallet, lock_to_sign
from orders.states import OrderStatus, Stage

# How soon orders of a paused wallet are looked at again.
PAUSED_LOOK_S = 5.0


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
    """Take nonces, sign, and store submissions, all in one transaction: a crash leaves all of it or nothing.

    The same transaction holds the BUILDING of orders that come from the route stage.
    """
    settled = Settled()
    wanted = [order for order in orders if is_wanted(order)]
    try:
        fees = _fees(orders, engine)
        wallets = _wallets(wanted, engine)
        swaps, doubts = try_swaps(wanted, wallets, fees, engine, policy)
    except RetryableError as error:
        with _unsigned(orders, settled) as changes:
            unasked = [(order, error) for order in _written(wanted, settled)]
            changes += wait(unasked, Stage.BUILD, policy, settled)
        return settled
    ready = [order for order in wanted if order.waiting_for is None and order.id not in doubts]
    if len(ready) < len(orders):
        kept = {order.id for order in ready}
        with _unsigned([order for order in orders if order.id not in kept], settled) as changes:
            if rest := _written([order for order in wanted if order.id not in kept], settled):
                changes += _held_back(rest, doubts, policy, settled)
    if ready:
        _sign_and_store(ready, _Means(engine, policy, wallets, swaps), settled)
    return settled


def _fees(orders: Sequence[ClaimedOrder], engine: Engine) -> Mapping[FeeStrategy, Fees]:
    """Asked for with the market, where this worker has just routed them. Raises: ChainUnavailable, FeesTooHigh."""
    offers = orders[0].offers
    return engine.prepare() if offers is None else offers.result()


def _wallets(orders: Sequence[ClaimedOrder], engine: Engine) -> dict[int, Wallet]:
    """What signs for each account. Raises: RetryableError where one has to be made and the chain cannot be reached."""
    read = {order.account_id: order.wallet for order in orders}
    missing = {account_id for account_id, wallet in read.items() if wallet is None}
    wallets = ensure_wallets(missing, engine) if missing else {}
    return wallets | {id_: known_wallet(id_, wallet, engine) for id_, wallet in read.items() if wallet is not None}


@contextmanager
def _unsigned(orders: Sequence[ClaimedOrder], settled: Settled) -> Iterator[list[Change]]:
    """One transaction for what becomes of orders that are not signed now: their ends, and changes that are added."""
    with transaction.atomic():
        lock_orders(with_parents(orders))
        changes = end_unsigned(orders)
        yield changes
        settled.events += transition(changes)


def _written(orders: Sequence[ClaimedOrder], settled: Settled) -> list[ClaimedOrder]:
    """Orders that are not signed now, behind their BUILDING: it comes before what becomes of them."""
    left, events = write_planned(orders)
    settled.events += events
    return left


def _sign_and_store(orders: Sequence[ClaimedOrder], means: _Means, settled: Settled) -> None:
    """Sign what may still be signed by what stands behind the rows' locks, and settle it with what may not."""
    engine, policy, wallets = means.engine, means.policy, means.wallets
    with transaction.atomic():
        if any(order.parent_id is not None for order in orders):  # their ends lock the parents, which come first
            lock_orders(with_parents(orders))
        locked, held = _still_ours(orders), lock_to_sign({wallets[order.account_id].id for order in orders})
        ours = locked()
        changes = [cancelled(order) for order in orders if order.id in ours and ours[order.id].is_called_back]
        free = [order for order in orders if order.id in ours and not ours[order.id].is_called_back]
        nonces, controls = held()
        paused = {order.id for order in free if _is_paused(order, controls, engine.chain.chain_id)}
        stale = {o.id for o in free if o.id not in paused and _is_stale(o, ours[o.id].quote_age_ms)}
        shut = {order.id for order in free if wallets[order.account_id].id not in nonces} - paused - stale
        able = [order for order in free if order.id not in paused | stale | shut] if paused or stale or shut else free
        submissions, refused = _sign(able, means, nonces)
        if len(submissions) < len(free):
            signed = {submission.order.id for submission in submissions}
            rest = _written([order for order in free if order.id not in signed], settled)
            changes += [_route_again(order, {"halted": True}) for order in rest if order.id in paused]
            changes += [_requote(o, ours[o.id].quote_age_ms, policy) for o in rest if o.id in stale]
            changes += [fail(order, problem_of(refused[order.id])) for order in rest if order.id in refused]
            release_orders((order, PAUSED_LOOK_S) for order in rest if order.id in shut)
        settled.events += transition(changes)
        stored = store(submissions, policy)
    # Only what is committed goes on to be sent.
    settled.carried, events = stored()
    settled.events += events
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
    if isinstance(error, LimitNotMet) and may_try_again(order, policy):
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
    if not may_try_again(order, policy):
        return fail(order, problem)
    return retry(order, OrderStatus.ROUTING, problem, policy)


def _route_again(order: ClaimedOrder, why: dict[str, object]) -> Change:
    """Held up before it was signed: it goes back to those to be routed, for prices that hold when it goes on."""
    return move(order, OrderStatus.ROUTING, fields={"route": None}, data=why)


def _still_ours(orders: Sequence[ClaimedOrder]) -> Callable[[], dict[UUID, _Ours]]:
    """Lock the rows that no other worker took over since the claim, and read them again; before that, hold pauses off.

    It goes out with the transaction's next statement, which sees every pause that returned before.
    """
    answer = session.later(
        f"""
        WITH pauses AS MATERIALIZED (SELECT {HOLD_OFF_PAUSES})
        SELECT o.id, (extract(epoch FROM clock_timestamp() - o.updated_at) * 1000)::bigint,
               o.cancel_requested_at IS NOT NULL
        FROM pauses, orders_order o
        WHERE o.id = ANY(ARRAY(SELECT unnest(%s::uuid[])))
            AND CASE WHEN o.lease_token = %s AND o.status = %s THEN o.tx_hash IS NULL END
        ORDER BY o.id FOR UPDATE OF o
        """,
        [id_array(order.id for order in orders), orders[0].lease_token, orders[0].status],
    )
    return lambda: _with_ages({order_id: _Ours(*rest) for order_id, *rest in answer.rows()}, orders)


def _with_ages(found: dict[UUID, _Ours], orders: Sequence[ClaimedOrder]) -> dict[UUID, _Ours]:
    """Only this process knows how old a quote is whose BUILDING is not written yet."""
    for order in orders:
        if order.planned is not None and order.id in found:
            age_ms = int((time.monotonic() - order.quoted_s) * 1000)
            found[order.id] = found[order.id]._replace(quote_age_ms=age_ms)
    return found


def _sign(
    orders: Sequence[ClaimedOrder], means: _Means, nonces: dict[int, int]
) -> tuple[list[NewSubmission], dict[UUID, DexError]]:
    submissions: list[NewSubmission] = []
    refused: dict[UUID, DexError] = {}
    by_account: dict[int, list[ClaimedOrder]] = defaultdict(list)
    for order in orders:
        by_account[order.account_id].append(order)
    for account_id, group in by_account.items():
        wallet = means.wallets[account_id]
        signed, errors = _sign_in_turn(group, nonces[wallet.id], means)
        submissions += [NewSubmission(new_id(), order, wallet.id, transaction_) for order, transaction_ in signed]
        refused |= {order.id: error for order, error in errors}
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
