"""`/orders/{orderId}`: subscribe, snapshot, replay, forward. No writes, no services, no engine."""

import asyncio
import re
from datetime import UTC, datetime
from uuid import UUID

from channels.db import database_sync_to_async

from orders import selectors
from orders.config import ws_linger_s
from orders.event_log.event import EventMessage, timestamp
from orders.event_log.log import event_message, order_events
from orders.inputs.query import read_seq, seq_ahead
from orders.models import Account, Order
from orders.pauses import Controls
from orders.presentation.orders import order_json
from orders.problems import Problem
from orders.selectors import read_controls
from orders.states import is_terminal
from orders.streams import socket
from orders.streams.admission import Refused
from orders.streams.feed import get_feed
from orders.streams.socket import MALFORMED, NOT_FOUND, Socket

# As paths of the API take it: other forms of the same number are no ids.
ORDER_ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
# Events that one socket may owe its client at a time; a feed further ahead is read from the rows instead.
MAX_QUEUED = 256


class OrderConsumer(Socket):
    """`/orders/{orderId}[?after=seq]`: snapshot, missed events, live events, close after the last."""

    order_id: UUID
    account_id: int
    sent_seq: int = 0

    def read_address(self) -> None:
        """The order and the last seq the client has. Raises: Refused 4400, ProblemError."""
        text = self.scope["url_route"]["kwargs"]["order_id"]
        if ORDER_ID.fullmatch(text) is None:
            raise Refused(MALFORMED, Problem("invalid", "the address must end in an order id (UUID)"))
        self.order_id = UUID(text)
        self._after = self.query({"after"}).read("after", read_seq)

    async def begin(self, account: Account) -> None:
        """Subscribe before reading, so that nothing falls between the snapshot and the first live event."""
        self.account_id = account.pk
        self._queue: asyncio.Queue[EventMessage | None] = asyncio.Queue(MAX_QUEUED)
        await get_feed().follow_order(self)
        self._epoch = get_feed().epoch
        order, missed, controls = await database_sync_to_async(self._read)(account)
        self.sent_seq = order.seq if self._after is None else self._after
        shown = order_json(order, controls)
        await self.say({"type": "snapshot", "seq": order.seq, "after": self._after, "order": shown})
        self.run(self._pump(missed, is_terminal(order.status) and self.sent_seq == order.seq))

    async def end(self) -> None:
        """Leave the feed."""
        get_feed().unfollow_order(self)

    def offer(self, event: EventMessage) -> None:
        """Queue a new event; when the queue is full the rows are read later instead."""
        if event.seq > self.sent_seq and not self._queue.full():
            self._queue.put_nowait(event if self._queue.qsize() < MAX_QUEUED - 1 else None)

    # --- The pump: one writer per socket --------------------------------------------------------------------

    async def _pump(self, missed: list[EventMessage], has_ended: bool) -> None:
        """Only the next event in number is sent on: a gap is filled from the rows, and a repeat goes nowhere."""
        has_ended = await self._forward_all(missed) or has_ended
        while not has_ended:
            event = await self._next()
            if event is not None and event.seq == self.sent_seq + 1:
                has_ended = await self._forward_all([event])
            elif event is None or event.seq > self.sent_seq:
                has_ended = await self._forward_all(await database_sync_to_async(self._missed)())
        await asyncio.sleep(ws_linger_s())
        await self.shut(1000)

    async def _next(self) -> EventMessage | None:
        while True:
            try:
                return await asyncio.wait_for(self._queue.get(), socket.HEARTBEAT_S)
            except TimeoutError:
                await self.say({"type": "heartbeat", "seq": self.sent_seq, "at": timestamp(datetime.now(UTC))})

    async def _forward_all(self, events: list[EventMessage]) -> bool:
        """Send events that follow each other; True after a terminal one."""
        for event in events:
            await self.say_text(event.text)
            self.sent_seq = event.seq
            if is_terminal(event.status):
                return True
        return False

    # --- Reading ------------------------------------------------------------------------------------------

    def _read(self, account: Account) -> tuple[Order, list[EventMessage], Controls]:
        """The order, the events after the client's seq, and what is paused. Raises: Refused 4404, 4400."""
        order = selectors.orders_of(account).filter(pk=self.order_id).first()
        if order is None:
            raise Refused(NOT_FOUND, selectors.missing_order(account, self.order_id))
        if self._after is not None and self._after > order.seq:
            raise Refused(MALFORMED, seq_ahead(self._after, order.seq))
        is_current = self._after is None or self._after == order.seq
        return order, [] if is_current else self._events_after(self._after or 0), read_controls()

    def _missed(self) -> list[EventMessage]:
        return self._events_after(self.sent_seq)

    def _events_after(self, seq: int) -> list[EventMessage]:
        return [event_message(event, self._epoch) for event in order_events(self.order_id, seq)]


class NowhereConsumer(Socket):
    """Any other address: closed with a reason, where no route would be an error in the log."""

    def read_address(self) -> None:
        """Raises: Refused 4404."""
        raise Refused(NOT_FOUND, Problem("not_found", "no WebSocket is served at this address"))
