"""Sends bytes that were stored and did not leave: their worker died between the commit and the broadcast.

One unsent nonce holds up its whole wallet, so nobody waits for the dead worker's lease: sending is harmless, whoever
does it and however often.
"""

from django.db import connection

from dex import Engine, RetryableError
from orders.events import Event
from orders.recordset import id_array
from orders.services.signed import load_open_holds
from orders.services.submit import broadcast, submission_event
from orders.services.transition import Change, transition
from orders.states import OrderStatus

# A worker that lives has sent its bytes by then.
UNSENT_S = 1.0
BATCH = 500


def send_unsent(engine: Engine) -> list[Event]:
    """Broadcast what a leased order has had stored for longer than a second, in nonce order: BUILDING -> SUBMITTED.

    An answer that says "not sent" leaves the order to the submit stage and its back-off.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT id, seq, updated_at::text FROM orders_order
            WHERE status = 'BUILDING' AND tx_hash IS NOT NULL AND cancel_requested_at IS NULL AND lease_until >= now()
                AND due_at < now() - %s * interval '1 second'
            ORDER BY due_at LIMIT %s
            """,
            [UNSENT_S, BATCH],
        )
        unsent = {order_id: (seq, since) for order_id, seq, since in cursor.fetchall()}
    if not unsent:
        return []
    holds = load_open_holds("s.order_id = ANY(%s::uuid[])", id_array(unsent))
    holds.sort(key=lambda hold: hold.nonce)
    changes = []
    for hold, answer in zip(holds, broadcast([hold.newest.signed for hold in holds], engine), strict=True):
        if hold.order_id is None or isinstance(answer, RetryableError):
            continue
        seq, since = unsent[hold.order_id]
        data = submission_event(hold, answer)
        change = Change(hold.order_id, OrderStatus.BUILDING, OrderStatus.SUBMITTED, since, data=data, seq=seq)
        changes.append(change)
    return transition(changes)
