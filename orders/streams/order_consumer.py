"""`/orders/{orderId}`: subscribe, snapshot, replay, forward. No writes, no services, no engine."""

import asyncio
import re
from collections import deque
from datetime import UTC, datetime
from typing import NamedTuple
from uuid import UUID

from orders.config import ws_linger_s
from orders.database.rows import ALWAYS, Condition
from orders.event_log.event import Event, EventMessage, timestamp
from orders.event_log.log import event_message, order_events
from orders.inputs.query import read_seq, seq_ahead
from orders.models import Account
from orders.presentation.messages import ORDER_HEARTBEAT, ORDER_SNAPSHOT
from orders.presentation.orders import order_json
from orders.problems import Problem
from orders.selectors import Shown, missing_order, shown_order, shown_with_events
from orders.states import is_terminal
from orders.streams import socket
from orders.streams.admission import Access, Refused
from orders.streams.feed import get_feed
from orders.streams.socket import MALFORMED, NOT_FOUND, Socket
from orders.streams.threads import in_thread

# As paths of the API take it: other forms of the same number are no ids.
ORDER_ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
# Events that one socket may owe its client at a time; a feed further ahead is read from the rows instead.
MAX_QUEUED = 256


class _Read(NamedTuple):
    """What the rows say of an order as its socket opens."""

    shown: Shown
    missed: list[EventMessage]


def _settle(waiter: "asyncio.Future[bool] | None", has_news: bool) -> None:
    if waiter is not None and not waiter.done():
        waiter.set_result(has_news)


class OrderConsumer(Socket):
    """`/orders/{orderId}[?after=seq]`: snapshot, missed events, live events, close after the last."""

    order_id: UUID
    account_id: int
    sent_seq: int = 0
    # Events that wait for their turn; None: there were more, which are in the rows.
    _queue: deque[EventMessage | None]
    # Of the pump, when it waits: whether there is something in the queue.
    _news: "asyncio.Future[bool] | None" = None

    def read_address(self) -> None:
        """The order and the last seq the client has. Raises: Refused 4400, ProblemError."""
        text = self.scope["url_route"]["kwargs"]["order_id"]
        if ORDER_ID.fullmatch(text) is None:
            raise Refused(MALFORMED, Problem("invalid", "the address must end in an order id (UUID)"))
        self.order_id = UUID(text)
        self._after = self.query({"after"}).read("after", read_seq)

    async def begin(self, account: Account) -> None:
        """Subscribe before reading, so that nothing falls between the snapshot and the first live event."""
        read = await self._subscribe_and_read(account, ALWAYS)
        if read is None:
            raise Refused(NOT_FOUND, await in_thread(missing_order, account, self.order_id))
        await self._serve(read)

    async def begin_known(self, access: Access, holds: Condition) -> bool:
        """The same, with one statement that knows the caller and reads the order."""
        try:
            read = await self._subscribe_and_read(access.account, holds)
            if read is not None:
                self.take_place(access)
        except BaseException:
            await self.end()
            raise
        if read is None:
            await self.end()
            return False
        await self._serve(read)
        return True

    async def end(self) -> None:
        """Leave the feed."""
        get_feed().unfollow_order(self)

    def offer(self, event: EventMessage) -> None:
        """Queue a new event; when the queue is full the rows are read later instead."""
        if event.seq > self.sent_seq and len(self._queue) < MAX_QUEUED:
            self._queue.append(event if len(self._queue) < MAX_QUEUED - 1 else None)
            _settle(self._news, True)

    async def _subscribe_and_read(self, account: Account, holds: Condition) -> _Read | None:
        self.account_id = account.pk
        self._queue = deque()
        await get_feed().follow_order(self)
        self._epoch = get_feed().epoch
        return await in_thread(self._read, account.pk, holds)

    async def _serve(self, read: _Read) -> None:
        """Snapshot, then everything that follows it. Raises: Refused 4400."""
        order, missed = read.shown.order, read.missed
        if self._after is not None and self._after > order.seq:
            raise Refused(MALFORMED, seq_ahead(self._after, order.seq))
        self.sent_seq = order.seq if self._after is None else self._after
        shown = order_json(order, read.shown.controls)
        await self.say(ORDER_SNAPSHOT.render(None, seq=order.seq, after=self._after, order=shown))
        has_ended = await self._forward_all(missed)
        self.run(self._pump(has_ended or (is_terminal(order.status) and self.sent_seq == order.seq)))

    # --- The pump: one writer per socket --------------------------------------------------------------------

    async def _pump(self, has_ended: bool) -> None:
        """Only the next event in number is sent on: a gap is filled from the rows, and a repeat goes nowhere."""
        while not has_ended:
            event = await self._next()
            if event is not None and event.seq == self.sent_seq + 1:
                has_ended = await self._forward_all([event])
            elif event is None or event.seq > self.sent_seq:
                has_ended = await self._forward_all(await in_thread(self._missed))
        await asyncio.sleep(ws_linger_s())
        await self.shut(1000)

    async def _next(self) -> EventMessage | None:
        loop = asyncio.get_running_loop()
        while not self._queue:
            self._news = loop.create_future()
            heartbeat = loop.call_later(socket.HEARTBEAT_S, _settle, self._news, False)
            try:
                has_news = await self._news
            finally:
                heartbeat.cancel()
            if not has_news:
                await self.say(ORDER_HEARTBEAT.render(None, seq=self.sent_seq, at=timestamp(datetime.now(UTC))))
        return self._queue.popleft()

    async def _forward_all(self, events: list[EventMessage]) -> bool:
        """Send events that follow each other; True after a terminal one."""
        for event in events:
            await self.say_text(event.text)
            self.sent_seq = event.seq
            if is_terminal(event.status):
                return True
        return False

    # --- Reading ------------------------------------------------------------------------------------------

    def _read(self, account_id: int, holds: Condition) -> _Read | None:
        """The order with what is paused, and the events after the client's seq."""
        if self._after is None:
            shown = shown_order(account_id, self.order_id, holds)
            return shown and _Read(shown, [])
        found = shown_with_events(account_id, self.order_id, self._after, holds)
        return found and _Read(found[0], self._messages(found[1]))

    def _missed(self) -> list[EventMessage]:
        return self._messages(order_events(self.order_id, self.sent_seq))

    def _messages(self, events: list[Event]) -> list[EventMessage]:
        return [event_message(event, self._epoch) for event in events]


class NowhereConsumer(Socket):
    """Any other address: closed with a reason, where no route would be an error in the log."""

    def read_address(self) -> None:
        """Raises: Refused 4404."""
        raise Refused(NOT_FOUND, Problem("not_found", "no WebSocket is served at this address"))
