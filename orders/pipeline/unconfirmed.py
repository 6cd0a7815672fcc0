"""Orders whose nonce the chain has not confirmed: wait, replace, cancel, or prove that the transaction is dead.

An order is failed here only when the chain can no longer execute it: a final transaction that is none of ours used
its nonce, or a final block is past its deadline, and two looks, a block apart, found no receipt.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from uuid import UUID

from dex import DexError, Engine, RetryableError, SignedTransaction, Standing
from orders.config import Policy
from orders.pipeline.claim import ClaimedOrder
from orders.pipeline.results import fail, move
from orders.pipeline.transition import Change
from orders.problems import Problem
from orders.risk.fee_limit import too_costly
from orders.selectors import fee_terms_of
from orders.signing.nonces import unconfirmed_absences
from orders.signing.replacement import MAX_TRANSACTIONS, bumped, sign_again, stuck_after_s
from orders.signing.submissions import OpenSubmission
from orders.states import OrderStatus
from orders.terms import fee_left

Silent = tuple[ClaimedOrder, OpenSubmission]


class Act(StrEnum):
    """What the look at the chain says to do."""

    WAIT = "wait"
    NOTE = "note"
    FORGET = "forget"
    EXPIRE = "expire"
    GIVE_UP = "give_up"
    REPLACE = "replace"
    CANCEL = "cancel"


# What ends an order because nothing of it was ever in a block.
ENDINGS = frozenset({Act.EXPIRE, Act.GIVE_UP})


@dataclass(slots=True)
class Renewal:
    """A transaction that is about to be stored for an order's nonce, and the change that tells of it."""

    submission: OpenSubmission
    signed: SignedTransaction
    is_cancellation: bool
    change: Change


@dataclass(slots=True)
class Resolution:
    """What became of unconfirmed orders: changes, absences to note or forget, submissions to close, foreign nonces."""

    changes: list[Change] = field(default_factory=list)
    noted: list[tuple[UUID, int | None]] = field(default_factory=list)
    closed: list[OpenSubmission] = field(default_factory=list)
    taken: list[OpenSubmission] = field(default_factory=list)
    renewals: list[Renewal] = field(default_factory=list)
    waiting: list[ClaimedOrder] = field(default_factory=list)
    retry: RetryableError | None = None


def needs_resolution(order: ClaimedOrder, submission: OpenSubmission, stuck_s: float) -> bool:
    """Whether more than waiting may be due, by what is known here."""
    return (
        submission.absent_block is not None
        or submission.newest.age_s >= stuck_s
        or order.claimed_s > submission.deadline
        or (order.is_cancel_requested and not submission.has_cancellation)
    )


def resolve(
    silent: Sequence[Silent], refused: Collection[str], *, engine: Engine, policy: Policy, poll_s: float
) -> Resolution:
    """Ask where the nonces stand and decide on each order. No receipt of these was there just before.

    `refused` are hashes of bytes that the chain has just refused for good.
    Raises: RetryableError when the chain cannot be reached.
    """
    found = Resolution()
    if not silent:
        return found
    standing = engine.standing(sorted({submission.address for _, submission in silent}))
    stuck_s = stuck_after_s(engine, policy)
    wanted: list[tuple[ClaimedOrder, OpenSubmission, Act]] = []
    acts = [
        judge(
            order,
            submission,
            standing,
            stuck_s,
            policy.max_replacements,
            is_refused=submission.newest.signed.tx_hash in refused,
        )
        for order, submission in silent
    ]
    ending = [submission for (_, submission), act in zip(silent, acts, strict=True) if act in ENDINGS]
    doubted = unconfirmed_absences(ending, standing, engine)
    for (order, submission), act in zip(silent, acts, strict=True):
        if submission.submission_id in doubted:
            found.waiting.append(order)
        elif act in {Act.REPLACE, Act.CANCEL}:
            wanted.append((order, submission, act))
        else:
            _carry_out(act, order, submission, standing, found)
    if wanted:
        _renew(wanted, engine, poll_s, found)
    return found


def judge(
    order: ClaimedOrder,
    submission: OpenSubmission,
    standing: Standing,
    stuck_s: float,
    max_replacements: int,
    *,
    is_refused: bool = False,
) -> Act:
    """What the chain's standing means for a silent order. Pure.

    A fee bump would not help bytes that are refused for good: a cancellation consumes their nonce at once. Should a
    node have taken them all the same, the chain decides between the two.
    """
    is_used = standing.is_spent(submission.address, submission.key)
    if is_used or standing.final_time > submission.deadline:
        if submission.absent_block is None:
            return Act.NOTE
        if standing.final_block <= submission.absent_block:
            return Act.WAIT
        return Act.GIVE_UP if is_used else Act.EXPIRE
    if submission.absent_block is not None:
        return Act.FORGET
    if (order.is_cancel_requested or is_refused) and not submission.has_cancellation:
        return Act.CANCEL
    is_in_turn = standing.is_in_turn(submission.address, submission.key)
    if submission.newest.age_s < stuck_s or not is_in_turn or len(submission.transactions) > MAX_TRANSACTIONS:
        return Act.WAIT
    return (
        Act.REPLACE if submission.has_cancellation or len(submission.transactions) <= max_replacements else Act.CANCEL
    )


def _carry_out(
    act: Act, order: ClaimedOrder, submission: OpenSubmission, standing: Standing, found: Resolution
) -> None:
    if act is Act.GIVE_UP:
        detail = f"a transaction that is not this engine's used nonce {submission.key} of {submission.address}"
        found.changes.append(fail(order, Problem("nonce_taken", detail, facts={"nonce": submission.key})))
        found.closed.append(submission)
        found.taken.append(submission)
    elif act is Act.EXPIRE:
        # The order is free, its nonce is not: the submission stays open until a cancellation has consumed it.
        late = fail(order, Problem("expired", "no block took it before its on-chain deadline"))
        found.changes.append(late._replace(keeps_nonce=True))
    else:
        found.waiting.append(order)
        if act in {Act.NOTE, Act.FORGET}:
            found.noted.append((submission.submission_id, standing.final_block if act is Act.NOTE else None))


def _renew(
    wanted: Sequence[tuple[ClaimedOrder, OpenSubmission, Act]], engine: Engine, poll_s: float, found: Resolution
) -> None:
    try:
        offered = engine.prepare()
    except RetryableError as error:
        # What this look has proven of other orders holds all the same.
        found.retry = error
        found.waiting += [order for order, *_ in wanted]
        return
    terms = fee_terms_of([order.id for order, *_ in wanted])
    for order, submission, act in wanted:
        is_cancellation = act is Act.CANCEL or submission.newest.is_cancellation
        suggested = offered[terms[order.id].strategy]
        left = None if is_cancellation else fee_left(terms[order.id].most, order.network_fee_paid)
        (limit,) = too_costly([(submission.newest.signed, bumped(submission, suggested), left)], engine)
        signed = limit or sign_again(submission, is_cancellation, suggested, engine)
        if isinstance(signed, DexError):
            # Above its owner's limit on fees a swap waits on for a block: it executes, or ends past its deadline.
            found.waiting.append(order)
            continue
        data = {
            "cancel" if is_cancellation else "replacement": {
                "tx_hash": signed.tx_hash,
                "nonce": submission.key,
                "max_fee": str(signed.fees.max_fee),
                "priority_fee": str(signed.fees.priority_fee),
            }
        }
        fields = {"tx_hash": signed.tx_hash}
        change = move(order, OrderStatus.SUBMITTED, fields=fields, data=data, delay_s=poll_s)
        found.renewals.append(Renewal(submission, signed, is_cancellation, change))
