"""Compares wallets with the chain: nonces that others used, that are nowhere, or that were final and are gone."""

import logging
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from django.db import connection, transaction

from dex import Engine, RetryableError, SignedTransaction
from orders.models import Order
from orders.recordset import recordset
from orders.services.audit import Actor, Entry, record, record_signatures
from orders.services.heartbeat import REORG, beat
from orders.services.nodes import report_contradictions
from orders.services.nonces import fill_gaps
from orders.services.pause import Target, lock_alone, pause
from orders.services.signed import OpenHold, add_signed, load_closed_holds
from orders.services.silence import sign_again
from orders.services.submit import broadcast
from orders.services.wallets import owner_of, pause_wallets, record_pauses
from orders.states import OrderStatus

logger = logging.getLogger(__name__)

BATCH = 500


class Finding(NamedTuple):
    """A wallet that is not where the chain has it. `chain_nonce` is the first that no included transaction uses.

    `is_reported` says that the final transactions that are gone have been an incident before, `is_retired` that
    another wallet of the account took its place.
    """

    wallet_id: int
    account_id: int
    address: str
    next_nonce: int
    chain_nonce: int
    has_gap: bool
    has_lost_final: bool
    is_reported: bool
    is_retired: bool


def watch_wallets(engine: Engine) -> list[Finding]:
    """Look at every wallet of the chain: pause those that somebody else uses, fill gaps; pause all for a deep reorg.

    A chain that cannot be reached is asked again at the next call.
    """
    findings: list[Finding] = []
    try:
        for finding in _findings(engine):
            findings.append(finding)
            _act(finding, engine)
    except RetryableError as error:
        logger.warning("wallets could not be compared with the chain: %s", error.detail)
    report_contradictions(engine)
    return findings


def report_reorg(finding: Finding, chain_id: str) -> bool:
    """Final transactions are gone: pause the chain and open an incident, once; whether this call did.

    No order is un-confirmed. Whoever has looked resumes the chain, which then stays so: the wallet's row remembers
    what was reported until it is final again.
    """
    detail = f"final transactions from nonce {finding.chain_nonce} of {finding.address} on are gone"
    with transaction.atomic():
        # Before the wallet's row, as those that sign do.
        lock_alone()
        if not _is_new(finding):
            return False
        beat(REORG)
        actor = Actor("upkeep", reason=f"reorg past finality: {detail}", is_admin=True)
        pause(Target("chain", chain_id, chain_id=chain_id), actor)
        subject = f"wallet:{finding.address}"
        nonces = {"next_nonce": finding.next_nonce}, {"next_nonce": finding.chain_nonce}
        record(actor, [Entry("incident.reorg", subject, *nonces)])
    logger.critical("reorg past finality, chain %s is paused: %s", chain_id, detail)
    return True


def _is_new(finding: Finding) -> bool:
    """Note how far down the final transactions are gone, unless that much is noted already."""
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE orders_wallet SET lost_from = %s WHERE id = %s AND (lost_from IS NULL OR lost_from > %s)",
            [finding.chain_nonce, finding.wallet_id, finding.chain_nonce],
        )
        return bool(cursor.rowcount)


def _act(finding: Finding, engine: Engine) -> None:
    # Not one that is retired: its owner may do with it as they like.
    if finding.chain_nonce > finding.next_nonce and not finding.is_retired:
        reason = f"the chain is at nonce {finding.chain_nonce}, this engine at {finding.next_nonce}"
        with transaction.atomic():
            record_pauses(pause_wallets({finding.wallet_id: f"somebody else uses it: {reason}"}))
    if finding.has_lost_final:
        if not finding.is_reported:
            report_reorg(finding, engine.chain.chain_id)
        _send_final_again(finding, engine)
    if finding.has_gap:
        engine.chain.hold_wallet(owner_of(finding.account_id), finding.address)
        fill_gaps(finding.wallet_id, finding.address, finding.chain_nonce, engine)


def _findings(engine: Engine) -> Iterator[Finding]:
    last_id = 0
    while True:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT id, address, now()::text FROM orders_wallet WHERE chain_id = %s AND id > %s"
                " ORDER BY id LIMIT %s",
                [engine.chain.chain_id, last_id, BATCH],
            )
            rows = cursor.fetchall()
        if not rows:
            return
        last_id = rows[-1][0]
        # The chain is read after the clock and before our rows: neither can make the other look old.
        standing = engine.standing([address for _, address, _ in rows])
        looked = [
            {
                "id": wallet_id,
                "nonce": standing.next_nonces[address],
                "final_nonce": standing.final_nonces[address],
                "at": at,
            }
            for wallet_id, address, at in rows
        ]
        yield from _compare(looked)
        _forget_what_is_final_again(looked)


def _compare(looked: list[dict[str, Any]]) -> list[Finding]:
    """The wallets where rows and chain differ. `at` is from before the chain was asked."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT id, account_id, address, next_nonce, chain_nonce, has_gap, has_lost_final, is_reported,
                   is_retired FROM (
                SELECT w.id, w.account_id, w.address, w.next_nonce, v.nonce AS chain_nonce,
                       v.nonce < w.next_nonce AND w.next_nonce - v.nonce > (
                           SELECT count(*) FROM orders_submission s WHERE s.wallet_id = w.id AND s.nonce >= v.nonce
                       ) AS has_gap,
                       EXISTS (
                           SELECT FROM orders_submission s
                           WHERE s.wallet_id = w.id AND s.nonce >= v.nonce AND s.closed_at < v.at
                       ) AS has_lost_final,
                       coalesce(w.lost_from <= v.nonce, false) AS is_reported,
                       w.retired_at IS NOT NULL AS is_retired
                FROM jsonb_to_recordset(%s::jsonb) AS v(id bigint, nonce bigint, at timestamptz)
                JOIN orders_wallet w ON w.id = v.id
            ) found WHERE (chain_nonce > next_nonce AND NOT is_retired) OR has_gap OR has_lost_final ORDER BY id
            """,
            [recordset(looked)],
        )
        return [Finding(*row) for row in cursor.fetchall()]


def _forget_what_is_final_again(looked: list[dict[str, Any]]) -> None:
    """Once gone and final again, a transaction that is gone once more is another incident."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            UPDATE orders_wallet w SET lost_from = CASE WHEN EXISTS (
                SELECT FROM orders_submission s
                WHERE s.wallet_id = w.id AND s.nonce >= v.final_nonce AND s.closed_at < v.at
            ) THEN greatest(w.lost_from, v.final_nonce) END
            FROM jsonb_to_recordset(%s::jsonb) AS v(id bigint, final_nonce bigint, at timestamptz)
            WHERE w.id = v.id AND w.lost_from IS NOT NULL
            """,
            [recordset(looked)],
        )


def _send_final_again(finding: Finding, engine: Engine) -> None:
    """Bring back what was final: for CONFIRMED orders the very bytes, for every other nonce one that does nothing.

    An order that ended otherwise, or was routed again, must not execute at this nonce, and later ones wait for it.
    """
    holds = load_closed_holds(finding.wallet_id, finding.chain_nonce, BATCH)
    held_by = [hold.order_id for hold in holds if hold.order_id is not None]
    confirmed = Order.objects.filter(pk__in=held_by, status=OrderStatus.CONFIRMED)
    hashes = set(confirmed.values_list("tx_hash", flat=True))
    sent: list[SignedTransaction] = []
    lacking: list[OpenHold] = []
    for hold in holds:
        final = next((item.signed for item in hold.transactions if item.signed.tx_hash in hashes), None)
        if final is None and not hold.newest.is_noop:
            lacking.append(hold)
        else:
            sent.append(final or hold.newest.signed)
        if not finding.is_reported:
            logger.critical("nonce %d, order %s: its final block is gone", hold.nonce, hold.order_id)
    broadcast([*sent, *_sign_noops(lacking, engine)], engine)


def _sign_noops(holds: Sequence[OpenHold], engine: Engine) -> list[SignedTransaction]:
    """One that does nothing for each nonce, outbidding what was signed for it, stored before it leaves."""
    if not holds:
        return []
    suggested = engine.prepare()
    answers = [(hold.submission_id, sign_again(hold, True, suggested, engine)) for hold in holds]
    signed = [(submission_id, item) for submission_id, item in answers if isinstance(item, SignedTransaction)]
    with transaction.atomic():
        add_signed((submission_id, item, True) for submission_id, item in signed)
        record_signatures(item for _, item in signed)
    return [item for _, item in signed]
