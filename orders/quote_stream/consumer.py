"""`/ws/v1/quotes`: the newest quote of what the client wants, as often as it changes and the client keeps up."""

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from orders.access.authentication import Caller
from orders.event_log.event import timestamp
from orders.inputs.quotes import QUOTE_NAMES
from orders.models import Account
from orders.presentation.messages import QUOTE_HEARTBEAT, QUOTE_HELLO, QUOTED, UNQUOTED
from orders.problems import Problem
from orders.quote_stream.feed import MOST, Subscription, get_quote_feed
from orders.quote_stream.request import read_address
from orders.scopes import QUOTE
from orders.streams import socket
from orders.streams.admission import Refused
from orders.streams.socket import MALFORMED, SLOW, TOO_MANY, Socket, read_frame

# How long a client may leave a message unacknowledged.
SLOW_S = 30.0
FRAMES = 'a frame here is {"op":"subscribe","quote":{...}} or {"op":"ack"}'


class QuoteConsumer(Socket):
    """`/ws/v1/quotes[?token_in=&token_out=&amount=&side=...]`: one message at a time waits for its acknowledgement."""

    needed_scope = QUOTE
    # Whose sockets it is quoted among; None before and after that.
    _account_id: int | None = None
    _wanted: Subscription | None = None
    # What is sent next, and since when the one before it waits to be acknowledged.
    _next: Mapping[str, Any] | None = None
    _sent_at: float | None = None
    _number = 0

    def read_address(self) -> None:
        """What is quoted first, if anything. Raises: ProblemError."""
        self._first = read_address(self.query(QUOTE_NAMES))

    async def begin(self, account: Account) -> None:
        """Greet, and follow. Raises: Refused 4429."""
        feed = get_quote_feed()
        if feed.is_full:
            raise Refused(TOO_MANY, Problem("throttled", f"{MOST} sockets are quoted for here"))
        self._account_id = account.pk
        self._news = asyncio.Event()
        self._heartbeat_at = asyncio.get_running_loop().time() + socket.HEARTBEAT_S
        if self._first is not None:
            self._subscribe(self._first)
        feed.follow(account.pk, self)
        heartbeat_s = int(socket.HEARTBEAT_S)
        await self.say(QUOTE_HELLO.render(None, subscription=self._number, heartbeat_s=heartbeat_s))
        self.run(self._pump())

    async def end(self) -> None:
        """Leave the feed."""
        if self._account_id is not None:
            get_quote_feed().unfollow(self._account_id, self)
            self._account_id = None

    async def take(self, text: str | None) -> None:
        """An acknowledgement, or what is quoted from now on. Raises: Refused 4400."""
        frame = read_frame(text)
        if frame == {"op": "ack"}:
            self._sent_at = None
        elif frame.get("op") == "subscribe" and frame.keys() == {"op", "quote"}:
            self._subscribe(frame["quote"])
        else:
            raise Refused(MALFORMED, Problem("invalid", FRAMES))
        self._news.set()
        get_quote_feed().nudge()

    # --- As the feed sees it ----------------------------------------------------------------------------------

    @property
    def caller(self) -> Caller:
        """Who asks, as of the last look at the key."""
        assert self._access is not None
        return self._access.caller

    @property
    def wanted(self) -> Subscription | None:
        """What to quote next: nothing as long as a message waits. So what is sent then is the newest."""
        return None if self._next is not None or self._sent_at is not None else self._wanted

    def offer(self, subscription: Subscription, told: dict[str, Any] | Problem) -> None:
        """Send a quote, or why there is none."""
        if isinstance(told, Problem):
            self._next = UNQUOTED.render(None, subscription=subscription.number, problem=told.to_json())
        else:
            self._next = QUOTED.render(None, subscription=subscription.number, quote=told)
        self._news.set()

    def _subscribe(self, body: Any) -> None:
        """The newest wins: what was to be sent for the one before it is not."""
        self._number, self._next = self._number + 1, None
        self._wanted = Subscription(self._number, body)

    # --- The pump: one writer per socket ----------------------------------------------------------------------

    async def _pump(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            await self._until_news()
            if self._next is not None and self._sent_at is None:
                message, self._next, self._sent_at = self._next, None, loop.time()
                await self.say(message)
            elif self._sent_at is not None and loop.time() >= self._sent_at + SLOW_S:
                detail = f'a message was not acknowledged for {SLOW_S:.0f} s: send {{"op":"ack"}} after each quote'
                raise Refused(SLOW, Problem("throttled", detail))
            elif loop.time() >= self._heartbeat_at:
                self._heartbeat_at = loop.time() + socket.HEARTBEAT_S
                await self.say(QUOTE_HEARTBEAT.render(None, at=timestamp(datetime.now(UTC))))

    async def _until_news(self) -> None:
        ends_at = self._heartbeat_at if self._sent_at is None else min(self._heartbeat_at, self._sent_at + SLOW_S)
        try:
            await asyncio.wait_for(self._news.wait(), max(0.0, ends_at - asyncio.get_running_loop().time()))
        except TimeoutError:
            return
        self._news.clear()
