"""One feed per process: hands new events to its sockets, from messages as they come and from rows each second.

A message may be lost, late or doubled; the rows decide. Those who follow an order are handed its events from the
message itself, and take the next in number alone. Those who follow an account get the order of the rows, which are read
as soon as a message tells of new ones. Nothing is kept: a socket that cannot take what it is offered reads the rows
itself, later.
"""

import asyncio
import logging
from collections.abc import Iterable, Sequence
from functools import partial
from typing import Any
from weakref import WeakKeyDictionary

import psycopg
from channels.layers import get_channel_layer

from orders.event_log.cursor import Cursor, Position
from orders.event_log.log import Entry, Row, event_message, in_order, missing
from orders.notify.push import GROUP, read_news
from orders.notify.redis_errors import redis_reason
from orders.streams.followers import FollowedAccount, OrderFollower, StreamFollower
from orders.streams.reader import MAX_ROWS, Tail

logger = logging.getLogger(__name__)

CHECK_INTERVAL_S = 1.0
# Who comes and goes keeps the reader and its place for so long.
LINGER_S = 30.0
RECONNECT_S = 0.5
# A transaction that holds back new rows is asked after this soon, where no hint tells that it has ended.
UNSETTLED_S = 0.02
# The reader rests for as long as its last read took, at most this long: an idle one reads at once, and under load one
# read serves many messages.
MAX_REST_S = 0.05


class EventFeed:
    """Fans events out in memory. It listens for good, and reads while it has followers, and a while longer."""

    def __init__(self) -> None:
        self._accounts: dict[int, FollowedAccount] = {}
        self._tail = Tail()
        self._listener: asyncio.Task[None] | None = None
        self._reader: asyncio.Task[None] | None = None
        self._listening = asyncio.Event()
        self._has_ignored = False
        self._hinted: set[int] = set()
        self._wake = asyncio.Event()
        self._rests: asyncio.TimerHandle | None = None

    @property
    def epoch(self) -> str:
        """Of the database that the events come from; known with the first follower."""
        return self._tail.epoch

    def listen(self) -> None:
        """Subscribe to what workers send, once and for good.

        The channel layer takes up to 100 ms to hear the first message of a first subscription.
        """
        if self._listener is None:
            self._listener = asyncio.create_task(self._listen())

    async def follow_order(self, follower: OrderFollower) -> None:
        """From the return on, events of the follower's order reach it. Raises: psycopg.Error."""
        (await self._followed(follower.account_id)).orders[follower.order_id].add(follower)

    async def follow_stream(self, follower: StreamFollower) -> Cursor:
        """From the returned cursor on, all events of the follower's account reach it. Raises: psycopg.Error."""
        account = await self._followed(follower.account_id)
        account.streams.add(follower)
        return Cursor(self.epoch, account.position)

    def unfollow_order(self, follower: OrderFollower) -> None:
        """Stop; some time after the last one the feed rests."""
        if account := self._accounts.get(follower.account_id):
            account.orders[follower.order_id].discard(follower)
            if not account.orders[follower.order_id]:
                del account.orders[follower.order_id]
        self._rest_later()

    def unfollow_stream(self, follower: StreamFollower) -> None:
        """Stop; some time after the last one the feed rests."""
        if account := self._accounts.get(follower.account_id):
            account.streams.discard(follower)
        self._rest_later()

    async def edge(self) -> Position:
        """The end of the log now. Raises: psycopg.Error."""
        return await self._tail.edge()

    @property
    def is_followed(self) -> bool:
        """Whether any socket is left."""
        return any(account.is_followed for account in self._accounts.values())

    async def _followed(self, account_id: int) -> FollowedAccount:
        if self._rests is not None:
            self._rests.cancel()
            self._rests = None
        if self._reader is None:
            self.listen()
            self._reader = asyncio.create_task(self._read(self._tail))
            # Without Redis every follower is still served, once a second.
            try:
                await asyncio.wait_for(self._listening.wait(), RECONNECT_S)
            except TimeoutError:
                logger.warning("following without messages: Redis does not answer")
        if account_id not in self._accounts:
            edge = await self._tail.edge()
            self._accounts.setdefault(account_id, FollowedAccount(account_id, edge))
        return self._accounts[account_id]

    def _rest_later(self) -> None:
        if not self.is_followed and self._rests is None:
            self._rests = asyncio.get_running_loop().call_later(LINGER_S, self._rest)

    def _rest(self) -> None:
        self._rests = None
        if self.is_followed:
            return  # a follower came when the last one left
        if self._reader is not None:
            self._reader.cancel()  # it closes its session
        self._reader = None
        self._tail = Tail()
        self._accounts = {}

    # --- Messages -----------------------------------------------------------------------------------------

    async def _listen(self) -> None:
        layer: Any = get_channel_layer()
        said = ""
        while True:
            try:
                channel = await layer.hand_over(GROUP, partial(self._take_packed, layer))
                self._listening.set()
                said = ""
                try:
                    await asyncio.get_running_loop().create_future()  # for good
                finally:
                    await asyncio.shield(layer.group_discard(GROUP, channel))
            except Exception as error:
                self._listening.clear()
                if (reason := redis_reason(error)) != said:
                    said = reason
                    logger.warning("event feed lost Redis (%s): it reads rows each second until that is back", reason)
                await asyncio.sleep(RECONNECT_S)

    def _take_packed(self, layer: Any, packed: bytes) -> None:
        """Hand a message out. Never raises: one that cannot be read ends no subscription."""
        try:
            self._take(layer.deserialize(packed))
        except ValueError as error:
            self._ignore(type(error).__name__)
        except Exception:
            logger.exception("a message of events is lost: the rows are read within a second")

    def _take(self, message: Any) -> None:
        if not self._accounts:
            return
        news = read_news(message)
        if news is None:
            self._ignore("no seal of this SECRET_KEY and version")
            return
        # Of another database than the one that is read here, events are not believed: the reader will find out.
        events = news.events if news.epoch == self.epoch else ()
        for event in events:
            if (account := self._accounts.get(event.account_id)) is not None:
                account.offer(event)
        self._hint(
            account_id
            for account_id in news.account_ids
            if (account := self._accounts.get(account_id)) is not None and (account.streams or not events)
        )

    def _ignore(self, reason: str) -> None:
        """Say once that messages are dropped. Their events, if there are any, come with the next read."""
        if not self._has_ignored:
            self._has_ignored = True
            logger.warning("event feed ignores a message on Redis (%s), and others like it", reason)

    def _hint(self, account_ids: Iterable[int]) -> None:
        self._hinted.update(account_id for account_id in account_ids if account_id in self._accounts)
        if self._hinted:
            self._wake.set()

    # --- Rows ---------------------------------------------------------------------------------------------

    async def _read(self, tail: Tail) -> None:
        loop = asyncio.get_running_loop()
        checks_at = loop.time() + CHECK_INTERVAL_S
        reads_at = 0.0
        try:
            while True:
                try:
                    await asyncio.wait_for(self._wake.wait(), max(0.0, checks_at - loop.time()))
                except TimeoutError:
                    checks_at = loop.time() + CHECK_INTERVAL_S
                    self._forget_quiet(loop.time())
                    self._hinted.update(self._accounts)
                await asyncio.sleep(reads_at - loop.time())
                self._wake.clear()
                began_at = loop.time()
                await self._read_hinted()
                reads_at = loop.time() + min(loop.time() - began_at, MAX_REST_S)
        finally:
            await tail.close()

    def _forget_quiet(self, now: float) -> None:
        """Accounts without followers for a while are read no longer."""
        for account in tuple(self._accounts.values()):
            if account.is_followed:
                account.quiet_since = now
            elif now - account.quiet_since > LINGER_S:
                del self._accounts[account.account_id]

    async def _read_hinted(self) -> None:
        accounts = [self._accounts[account_id] for account_id in self._hinted if account_id in self._accounts]
        self._hinted.clear()
        if not accounts:
            return
        try:
            await self._same_database()
            rows = await self._tail.rows(account.wanted() for account in accounts)
            for account in accounts:
                await self._hand_out(account, [row for row in rows if row.event.account_id == account.account_id])
        except (psycopg.Error, OSError) as error:
            # The positions stay: the next check reads on from them.
            logger.warning("event feed could not read the rows (%s), trying again", type(error).__name__)
            return
        if len(rows) >= MAX_ROWS:
            self._hint(account.account_id for account in accounts)

    async def _same_database(self) -> None:
        """Reconnect where the session was lost; to another database every follower starts again."""
        epoch = self._tail.epoch
        await self._tail.connect()
        if epoch == self._tail.epoch or not epoch:
            return
        logger.warning("the database is another one than before: all sockets start again")
        for account in self._accounts.values():
            for stream in tuple(account.streams):
                stream.restart()
            for follower in [one for many in account.orders.values() for one in many]:
                follower.restart()
        self._accounts.clear()

    async def _hand_out(self, account: FollowedAccount, rows: Sequence[Row]) -> None:
        """Rows to those who follow their order, settled ones to those who follow the account."""
        for row in rows:
            if row.event.order_id in account.orders:
                account.offer(event_message(row.event, self.epoch))
        settled = [row for row in rows if row.is_settled]
        if len(settled) < len(rows):
            account.newest = rows[-1].place
            if account.streams:
                asyncio.get_running_loop().call_later(UNSETTLED_S, self._hint, [account.account_id])
        if not settled:
            return
        start, end = account.position, Position(*settled[-1].place)
        entries: list[Entry] = []
        if account.streams:
            brought = await self._tail.brought(missing(settled, start))
            entries = in_order(settled, start, brought, self.epoch)
        account.position = end
        for stream in tuple(account.streams):
            _offer(stream, start, entries, end)


def _offer(stream: StreamFollower, start: Position, entries: Sequence[Entry], end: Position) -> None:
    """Hand out a batch; one socket's bug must not end the reader of all others."""
    try:
        stream.offer_batch(start, entries, end)
    except Exception:
        logger.exception("closing a WebSocket that cannot take events")
        stream.restart()


_feeds: WeakKeyDictionary[asyncio.AbstractEventLoop, EventFeed] = WeakKeyDictionary()


def get_feed() -> EventFeed:
    """The feed of the running event loop: in a server there is one per process."""
    loop = asyncio.get_running_loop()
    if loop not in _feeds:
        _feeds[loop] = EventFeed()
    return _feeds[loop]
