"""`/ws/v1/stream`: every event of the account once, in order, as fast as the client acknowledges them."""

import asyncio
from collections import deque
from collections.abc import Sequence
from datetime import UTC, datetime
from uuid import UUID

from channels.db import database_sync_to_async

from orders.event_log.archived import EventsArchived, oldest_position
from orders.event_log.cursor import BEGINNING, Cursor, Position, parse_cursor, read_cursor
from orders.event_log.event import timestamp
from orders.event_log.log import Entry, Page, read_page
from orders.inputs.event_filter import FILTER_NAMES, StreamFilter, read_filter
from orders.inputs.filters import REPEATABLE, check_tokens
from orders.models import Account
from orders.presentation.messages import GAP, HEARTBEAT, HELLO, SNAPSHOT, WINDOW
from orders.presentation.orders import order_json
from orders.problems import Problem
from orders.selectors import open_order_ids, orders_by_id, read_controls
from orders.streams import socket, window
from orders.streams.admission import Refused
from orders.streams.feed import get_feed
from orders.streams.socket import MALFORMED, RESTART, SLOW, Socket, read_frame
from orders.streams.threads import in_thread
from orders.streams.window import Window

# How long a client may leave a full window unacknowledged.
SLOW_S = 30.0
# Rows of one read to catch up, and orders of one snapshot message: what a socket holds of its backlog.
PAGE_ROWS = 64
SNAPSHOT_ORDERS = 32
# Batches that arrive while the socket reads; more of them, and it reads once more.
MAX_HELD = 16


class StreamConsumer(Socket):
    """`/ws/v1/stream[?after=cursor][&pair=][&status=][&tag=]`."""

    account_id: int

    def read_address(self) -> None:
        """Cursor and filters. Raises: ProblemError."""
        query = self.query({"after"} | FILTER_NAMES, repeatable=REPEATABLE)
        self._filter: StreamFilter = read_filter(query)
        starts = query.read_all("after", read_cursor)
        self._after: Cursor | None = starts[0] if starts else None
        self._from_beginning = bool(starts) and self._after is None

    async def begin(self, account: Account) -> None:
        """Follow from here on; what lies between the client's cursor and here is read from the rows."""
        self.account_id = account.pk
        self._account = account
        if self._filter.pair is not None:
            await in_thread(check_tokens, self._filter.pair)
        self._window = Window()
        self._news, self._acknowledged = asyncio.Event(), asyncio.Event()
        # Entries that may be sent next, and where the last of them leaves the client.
        self._queue: deque[Entry] = deque()
        self._known: dict[UUID, int] = {}
        self._held: list[tuple[Position, Sequence[Entry], Position]] | None = None
        self._heartbeat_at = asyncio.get_running_loop().time() + socket.HEARTBEAT_S
        # Batches may come from the next line on, before it is known where the client begins.
        self._end, self._is_behind = BEGINNING, False
        here = await get_feed().follow_stream(self)
        wanted = Cursor(here.epoch, BEGINNING) if self._from_beginning else self._after
        is_resumed = wanted is not None and await self._is_known(wanted)
        start = wanted if is_resumed and wanted is not None else here
        self._epoch, self._end = start.epoch, start.position
        self._is_behind = self._is_behind or is_resumed
        self._told = start.position
        room = WINDOW.render(None, events=window.MAX_EVENTS, bytes=window.MAX_BYTES)
        heartbeat_s = int(socket.HEARTBEAT_S)
        await self.say(HELLO.render(None, cursor=str(start), resumed=is_resumed, heartbeat_s=heartbeat_s, window=room))
        if wanted is not None and not is_resumed:
            await self.say(GAP.render((wanted, start)))
        self.run(self._pump(has_snapshot=not is_resumed))

    async def end(self) -> None:
        """Leave the feed."""
        get_feed().unfollow_stream(self)

    async def take(self, text: str | None) -> None:
        """`{"op":"ack","cursor":...}`. Raises: Refused 4400."""
        frame = read_frame(text)
        cursor = parse_cursor(frame["cursor"]) if isinstance(frame.get("cursor"), str) else None
        if frame.get("op") != "ack" or cursor is None or frame.keys() != {"op", "cursor"}:
            raise Refused(MALFORMED, Problem("invalid", 'a frame here is {"op":"ack","cursor":"..."}'))
        if cursor.epoch != self._epoch or cursor.position > self._told:
            raise Refused(MALFORMED, Problem("invalid", "this cursor was not sent on this socket"))
        self._window.acknowledge(cursor.position)
        self._acknowledged.set()

    def offer_batch(self, start: Position, entries: Sequence[Entry], end: Position) -> None:
        """Take a live batch if it follows what is here; otherwise the rows are read."""
        if self._held is not None and len(self._held) < MAX_HELD:
            self._held.append((start, entries, end))
        elif self._held is not None or not self._append(start, entries, end):
            self._is_behind = True
            self._news.set()

    def _append(self, start: Position, entries: Sequence[Entry], end: Position) -> bool:
        """Queue what is new of a batch; False where it does not follow, or too much waits already."""
        if end <= self._end:
            return True
        if self._is_behind or start > self._end or len(self._queue) + len(entries) > window.MAX_EVENTS:
            return False
        self._queue.extend(entry for entry in entries if entry.position > self._end)
        self._end = end
        self._news.set()
        return True

    # --- The pump: one writer per socket --------------------------------------------------------------------

    async def _pump(self, has_snapshot: bool) -> None:
        if has_snapshot:
            await self._send_snapshot()
        while True:
            if self._window.is_full:
                await self._wait_for_room()
            elif self._queue:
                await self._send_entry(self._queue.popleft())
            elif self._is_behind:
                await self._catch_up()
            else:
                self._news.clear()
                await self._wait(self._news, None)

    async def _send_entry(self, entry: Entry) -> None:
        self._told = entry.position
        if self._filter.fits(entry) and not self._is_in_snapshot(entry):
            text = entry.text
            await self.say_text(text)
            self._window.add(entry.position, len(text))
        if asyncio.get_running_loop().time() >= self._heartbeat_at:
            await self._heartbeat()

    async def _catch_up(self) -> None:
        """Read the next rows; batches that arrive meanwhile follow them, or the socket reads on."""
        self._held, self._is_behind = [], False
        try:
            page: Page = await database_sync_to_async(read_page, thread_sensitive=False)(
                self.account_id, self._end, min(PAGE_ROWS, self._window.room)
            )
        except EventsArchived as gap:
            raise Refused(RESTART, Problem("cursor_unknown", f"{gap}: connect again")) from gap
        if page.end.epoch != self._epoch:
            raise Refused(RESTART, Problem("not_ready", "the database is another one: connect again"))
        self._queue.extend(page.entries)
        self._end = max(self._end, page.end.position)
        if not page.entries:
            self._told = max(self._told, self._end)
        held, self._held = self._held, None
        self._is_behind = self._is_behind or page.is_full
        for batch in held:
            if not self._append(*batch):
                self._is_behind = True

    async def _wait_for_room(self) -> None:
        """The database is the buffer now. Raises: Refused 4408 when nothing is acknowledged for too long."""
        closes_at = asyncio.get_running_loop().time() + SLOW_S
        while self._window.is_full:
            self._acknowledged.clear()
            if not await self._wait(self._acknowledged, closes_at):
                detail = f"{SLOW_S:.0f} s without room in the window: connect again with the last cursor"
                raise Refused(SLOW, Problem("throttled", detail))

    async def _wait(self, event: asyncio.Event, until: float | None) -> bool:
        """Until the event, with heartbeats; False when `until` has passed first."""
        loop = asyncio.get_running_loop()
        while not event.is_set():
            ends_at = self._heartbeat_at if until is None else min(until, self._heartbeat_at)
            try:
                await asyncio.wait_for(event.wait(), max(0.0, ends_at - loop.time()))
            except TimeoutError:
                if until is not None and loop.time() >= until:
                    return False
                if loop.time() >= self._heartbeat_at:
                    await self._heartbeat()
        return True

    async def _heartbeat(self) -> None:
        self._heartbeat_at = asyncio.get_running_loop().time() + socket.HEARTBEAT_S
        cursor = Cursor(self._epoch, self._told)
        await self.say(HEARTBEAT.render(None, cursor=str(cursor), at=timestamp(datetime.now(UTC))))

    # --- The snapshot ---------------------------------------------------------------------------------------

    async def _send_snapshot(self) -> None:
        """The open orders, for a client without a cursor of this log; events that they show already are left out."""
        at = Cursor(self._epoch, self._told)
        ids = await in_thread(open_order_ids, self._account)
        controls = await in_thread(read_controls)
        for i in range(0, max(1, len(ids)), SNAPSHOT_ORDERS):
            if self._window.is_full:
                await self._wait_for_room()
            orders = await in_thread(orders_by_id, self._account, ids[i : i + SNAPSHOT_ORDERS])
            shown = [order for order in orders if self._filter.shows(order)]
            self._known.update((order.id, order.seq) for order in orders)
            is_last = i + SNAPSHOT_ORDERS >= len(ids)
            rendered = [order_json(order, controls) for order in shown]
            message = SNAPSHOT.render(None, cursor=str(at), orders=rendered, is_last=is_last)
            self._window.add(at.position, await self.say(message))

    def _is_in_snapshot(self, entry: Entry) -> bool:
        known = self._known.get(entry.event.order_id, 0)
        if entry.event.seq > known:
            self._known.pop(entry.event.order_id, None)
        return entry.event.seq <= known

    async def _is_known(self, cursor: Cursor) -> bool:
        """Whether the cursor is of this log, not ahead of it, and nothing after it is archived."""
        feed = get_feed()
        if cursor.epoch != feed.epoch or cursor.position.is_ahead_of(await feed.edge()):
            return False
        oldest = await database_sync_to_async(oldest_position)(self.account_id)
        return cursor.position.row_before >= oldest[:2]
