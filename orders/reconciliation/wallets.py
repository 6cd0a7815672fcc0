"""Compares wallets with the chain: nonces that others used, that are nowhere, or that were final and are gone."""

import logging
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from django.db import connection, transaction

from dex import Engine, FeeStrategy, RetryableError, SignedTransaction
from orders.audit.record import Actor, Entry, record, record_signatures
from orders.database.recordset import recordset
from orders.models import Order, heartbeat_name
from orders.reconciliation.heartbeat import REORG, beat
from orders.reconciliation.nodes import report_contradictions
from orders.risk.pause import Target, lock_alone, pause
from orders.signing.broadcast import broadcast
from orders.signing.nonces import fill_gaps
from orders.signing.replacement import sign_again
from orders.signing.submissions import OpenSubmission, add_signed, load_closed_submissions
from orders.signing.wallets import owner_of, pause_wallets, record_pauses
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
    """Look at every wallet of the chain: pause those that another program uses, fill gaps; pause all for a deep reorg.

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

    No order is un-confirmed. An operator who has looked resumes the chain, which then stays so: the wallet's row
    remembers what was reported until it is final again.
    """
    detail = f"final transactions from nonce {finding.chain_nonce} of {finding.address} on are gone"
    with transaction.atomic():
        # Before the wallet's row, as those that sign do.
        lock_alone()
        if not _is_new(finding):
            return False
        beat(heartbeat_name(REORG, chain_id))
        actor = Actor("engine", reason=f"reorg past finality: {detail}", is_admin=True)
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
            record_pauses(pause_wallets({finding.wallet_id: f"another program uses it: {reason}"}))
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
                       v.held_from < w.next_nonce AND w.next_nonce - v.held_from > (
                           SELECT count(*) FROM orders_submission s
                           WHERE s.wallet_id = w.id AND s.nonce >= v.held_from
                       ) AS has_gap,
                       v.nonce < w.archived_below OR EXISTS (
                           SELECT FROM orders_submission s
                           WHERE s.wallet_id = w.id AND s.nonce >= v.nonce AND s.closed_at < v.at
                       ) AS has_lost_final,
                       coalesce(w.lost_from <= v.nonce, false) AS is_reported,
                       w.retired_at IS NOT NULL AS is_retired
                FROM orders_wallet w JOIN (
                    -- Below that, nonces were final, and their submissions may be in an archive.
                    SELECT r.*, greatest(r.nonce, x.archived_below) AS held_from
                    FROM jsonb_to_recordset(%s::jsonb) AS r(id bigint, nonce bigint, at timestamptz)
                    JOIN orders_wallet x ON x.id = r.id
                ) v ON v.id = w.id
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
            UPDATE orders_wallet w SET lost_from = CASE WHEN v.final_nonce < w.archived_below OR EXISTS (
                SELECT FROM orders_submission s
                WHERE s.wallet_id = w.id AND s.nonce >= v.final_nonce AND s.closed_at < v.at
            ) THEN greatest(w.lost_from, v.final_nonce) END
            FROM jsonb_to_recordset(%s::jsonb) AS v(id bigint, final_nonce bigint, at timestamptz)
            WHERE w.id = v.id AND w.lost_from IS NOT NULL
            """,
            [recordset(looked)],
        )


def _send_final_again(finding: Finding, engine: Engine) -> None:
    """Bring back what was final: for CONFIRMED orders the very bytes, for every other nonce a cancellation.

    An order that ended otherwise, or was routed again, must not execute at this nonce, and later ones wait for it.
    """
    submissions = load_closed_submissions(finding.wallet_id, finding.chain_nonce, BATCH)
    held_by = [submission.order_id for submission in submissions if submission.order_id is not None]
    confirmed = Order.objects.filter(pk__any_of=held_by, status=OrderStatus.CONFIRMED)
    hashes = set(confirmed.values_list("tx_hash", flat=True))
    sent: list[SignedTransaction] = []
    lacking: list[OpenSubmission] = []
    for submission in submissions:
        final = next((item.signed for item in submission.transactions if item.signed.tx_hash in hashes), None)
        if final is None and not submission.newest.is_cancellation:
            lacking.append(submission)
        else:
            sent.append(final or submission.newest.signed)
        if not finding.is_reported:
            logger.critical("nonce %d, order %s: its final block is gone", submission.key, submission.order_id)
    broadcast([*sent, *_sign_cancellations(lacking, engine)], engine)


def _sign_cancellations(submissions: Sequence[OpenSubmission], engine: Engine) -> list[SignedTransaction]:
    """One for each nonce, which replaces what was signed for it; stored before it is sent."""
    if not submissions:
        return []
    suggested = engine.prepare()[FeeStrategy.NORMAL]
    answers = [
        (submission.submission_id, sign_again(submission, True, suggested, engine)) for submission in submissions
    ]
    signed = [(submission_id, item) for submission_id, item in answers if isinstance(item, SignedTransaction)]
    with transaction.atomic():
        add_signed((submission_id, item, True) for submission_id, item in signed)
        record_signatures(item for _, item in signed)
    return [item for _, item in signed]
