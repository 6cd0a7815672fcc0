"""Sends bytes that were stored and did not leave: their worker died between the commit and the broadcast.

One unsent nonce holds up its whole wallet, so it is sent before the dead worker's lease ends. Sending the same bytes
again is harmless.
"""

from django.db import connection

from dex import Engine, RetryableError
from orders.database.recordset import id_array
from orders.event_log.event import Event
from orders.pipeline.submit import submission_event
from orders.pipeline.transition import Change, transition
from orders.signing.broadcast import broadcast
from orders.signing.submissions import load_open_submissions
from orders.states import OrderStatus

# A worker that lives has sent its bytes by then.
UNSENT_S = 1.0
BATCH = 500
UNSENT = f"""chain_id = %(chain_id)s AND status = 'BUILDING' AND tx_hash IS NOT NULL AND cancel_requested_at IS NULL
                AND lease_until >= now() AND due_at < now() - interval '{UNSENT_S} seconds'"""


def send_unsent(engine: Engine) -> list[Event]:
    """Broadcast what a leased order has had stored for longer than a second, in nonce order: BUILDING -> SUBMITTED.

    An answer that says "not sent" leaves the order to the submit stage and its back-off.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            SELECT id, seq, updated_at::text FROM orders_order
            WHERE {UNSENT}
            ORDER BY due_at LIMIT %(batch)s
            """,
            {"chain_id": engine.chain.chain_id, "batch": BATCH},
        )
        unsent = {order_id: (seq, since) for order_id, seq, since in cursor.fetchall()}
    if not unsent:
        return []
    submissions = load_open_submissions("s.order_id = ANY(%s::uuid[])", id_array(unsent))
    submissions.sort(key=lambda submission: submission.key)
    changes = []
    for submission, answer in zip(
        submissions, broadcast([submission.newest.signed for submission in submissions], engine), strict=True
    ):
        if submission.order_id is None or isinstance(answer, RetryableError):
            continue
        seq, since = unsent[submission.order_id]
        data = submission_event(submission, answer)
        change = Change(submission.order_id, OrderStatus.BUILDING, OrderStatus.SUBMITTED, since, data=data, seq=seq)
        changes.append(change)
    return transition(changes)
