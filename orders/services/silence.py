"""What to do about an order whose nonce the chain is silent on: wait, outbid, cancel, or prove that it is dead.

An order is failed here only when the chain can no longer execute it: a final transaction that is none of ours used
its nonce, or a final block is past its deadline, and two looks, a block apart, found no receipt.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from uuid import UUID

from dex import DexError, Engine, Fees, NoopIntent, RetryableError, SignedTransaction, Standing
from orders.config import Policy
from orders.problems import Problem
from orders.services.claim import ClaimedOrder
from orders.services.settled import fail, move
from orders.services.signed import OpenHold
from orders.services.transition import Change
from orders.services.wallets import owner_of
from orders.states import OrderStatus

# A no-op is outbid in turn, since its nonce holds up the wallet, but not without end.
MAX_TRANSACTIONS = 40
STUCK_BLOCKS = 5

Silent = tuple[ClaimedOrder, OpenHold]


class Act(StrEnum):
    """What the look at the chain says to do."""

    WAIT = "wait"
    NOTE = "note"
    FORGET = "forget"
    EXPIRE = "expire"
    GIVE_UP = "give_up"
    OUTBID = "outbid"
    CANCEL = "cancel"


# What ends an order because nothing of it was ever in a block.
ENDINGS = frozenset({Act.EXPIRE, Act.GIVE_UP})


@dataclass(slots=True)
class Renewal:
    """A transaction that is about to be stored for an order's nonce, and the change that tells of it."""

    hold: OpenHold
    signed: SignedTransaction
    is_noop: bool
    change: Change


@dataclass(slots=True)
class Closer:
    """What a closer look found: changes, first looks to note or forget, holds to close, wallets used by others."""

    changes: list[Change] = field(default_factory=list)
    noted: list[tuple[UUID, int | None]] = field(default_factory=list)
    closed: list[OpenHold] = field(default_factory=list)
    taken: list[OpenHold] = field(default_factory=list)
    renewals: list[Renewal] = field(default_factory=list)
    waiting: list[ClaimedOrder] = field(default_factory=list)
    retry: RetryableError | None = None


def needs_a_look(order: ClaimedOrder, hold: OpenHold, stuck_s: float) -> bool:
    """Whether more than waiting may be due, by what is known here."""
    return (
        hold.absent_block is not None
        or hold.newest.age_s >= stuck_s
        or order.claimed_s > hold.deadline
        or (order.is_cancel_requested and not hold.has_noop)
    )


def stuck_after_s(engine: Engine, policy: Policy) -> float:
    """How long a transaction may wait for a block before it is outbid."""
    return max(policy.stuck_s, STUCK_BLOCKS * engine.chain.block_interval_s())


def look_closer(
    silent: Sequence[Silent], refused: Collection[str], *, engine: Engine, policy: Policy, poll_s: float
) -> Closer:
    """Ask where the nonces stand and decide on each order. No receipt of these was there just before.

    `refused` are hashes of bytes that the chain has just refused for good.
    Raises: RetryableError when the chain cannot be reached.
    """
    found = Closer()
    if not silent:
        return found
    standing = engine.standing(sorted({hold.address for _, hold in silent}))
    stuck_s = stuck_after_s(engine, policy)
    wanted: list[tuple[ClaimedOrder, OpenHold, Act]] = []
    acts = [
        judge(
            order,
            hold,
            standing,
            stuck_s,
            policy.max_replacements,
            is_refused=hold.newest.signed.tx_hash in refused,
        )
        for order, hold in silent
    ]
    doubted = _doubted([hold for (_, hold), act in zip(silent, acts, strict=True) if act in ENDINGS], standing, engine)
    for (order, hold), act in zip(silent, acts, strict=True):
        if hold.submission_id in doubted:
            found.waiting.append(order)
        elif act in {Act.OUTBID, Act.CANCEL}:
            wanted.append((order, hold, act))
        else:
            _carry_out(act, order, hold, standing, found)
    if wanted:
        _renew(wanted, engine, poll_s, found)
    return found


def _doubted(ending: Sequence[OpenHold], standing: Standing, engine: Engine) -> set[UUID]:
    """The holds of which other nodes know a transaction after all, or too few of them can tell."""
    if not ending:
        return set()
    owners = [(item.signed.tx_hash, hold.submission_id) for hold in ending for item in hold.transactions]
    absent = engine.chain.are_absent([tx_hash for tx_hash, _ in owners], standing.final_block)
    return {owner for (_, owner), is_absent in zip(owners, absent, strict=True) if not is_absent}


def judge(
    order: ClaimedOrder,
    hold: OpenHold,
    standing: Standing,
    stuck_s: float,
    max_replacements: int,
    *,
    is_refused: bool = False,
) -> Act:
    """What the chain's standing means for a silent order. Pure.

    A higher bid would not help bytes that are refused for good: their nonce is used up at once. Should a node have
    taken them all the same, the chain decides between the two.
    """
    is_used = standing.final_nonces[hold.address] > hold.nonce
    if is_used or standing.final_time > hold.deadline:
        if hold.absent_block is None:
            return Act.NOTE
        if standing.final_block <= hold.absent_block:
            return Act.WAIT
        return Act.GIVE_UP if is_used else Act.EXPIRE
    if hold.absent_block is not None:
        return Act.FORGET
    if (order.is_cancel_requested or is_refused) and not hold.has_noop:
        return Act.CANCEL
    is_in_turn = standing.next_nonces[hold.address] == hold.nonce
    if hold.newest.age_s < stuck_s or not is_in_turn or len(hold.transactions) > MAX_TRANSACTIONS:
        return Act.WAIT
    return Act.OUTBID if hold.has_noop or len(hold.transactions) <= max_replacements else Act.CANCEL


def raised(hold: OpenHold, suggested: Fees) -> Fees:
    """What outbids everything of ours at the nonce, and no less than what the chain asks now."""
    return hold.newest.signed.fees.raised().at_least(suggested)


def _carry_out(act: Act, order: ClaimedOrder, hold: OpenHold, standing: Standing, found: Closer) -> None:
    if act is Act.GIVE_UP:
        detail = f"a transaction that is not this engine's used nonce {hold.nonce} of {hold.address}"
        found.changes.append(fail(order, Problem("nonce_taken", detail, facts={"nonce": hold.nonce})))
        found.closed.append(hold)
        found.taken.append(hold)
    elif act is Act.EXPIRE:
        # The order is free, its nonce is not: the hold stays open until a transaction that does nothing has used it.
        found.changes.append(fail(order, Problem("expired", "no block took it before its on-chain deadline")))
    else:
        found.waiting.append(order)
        if act in {Act.NOTE, Act.FORGET}:
            found.noted.append((hold.submission_id, standing.final_block if act is Act.NOTE else None))


def _renew(wanted: Sequence[tuple[ClaimedOrder, OpenHold, Act]], engine: Engine, poll_s: float, found: Closer) -> None:
    try:
        suggested = engine.prepare()
    except RetryableError as error:
        # What this look has proven of other orders holds all the same.
        found.retry = error
        found.waiting += [order for order, *_ in wanted]
        return
    for order, hold, act in wanted:
        is_noop = act is Act.CANCEL or hold.newest.is_noop
        signed = sign_again(hold, is_noop, suggested, engine)
        if isinstance(signed, DexError):
            found.waiting.append(order)
            continue
        data = {
            "cancel" if is_noop else "replacement": {
                "tx_hash": signed.tx_hash,
                "nonce": hold.nonce,
                "max_fee": str(signed.fees.max_fee),
                "priority_fee": str(signed.fees.priority_fee),
            }
        }
        fields = {"tx_hash": signed.tx_hash}
        change = move(order, OrderStatus.SUBMITTED, fields=fields, data=data, delay_s=poll_s)
        found.renewals.append(Renewal(hold, signed, is_noop, change))


def sign_again(hold: OpenHold, is_noop: bool, suggested: Fees, engine: Engine) -> SignedTransaction | DexError:
    """The newest transaction of the hold with a higher bid, or one that does nothing in its stead."""
    # This process may have signed nothing yet: it was another one that died.
    engine.chain.hold_wallet(owner_of(hold.account_id), hold.address)
    fees = raised(hold, suggested)
    if is_noop and not hold.newest.is_noop:
        return engine.build([NoopIntent(hold.address, hold.nonce, fees)])[0]
    return engine.rebuild([(hold.newest.signed, fees)])[0]
