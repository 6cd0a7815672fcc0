"""WebSocket edge: subscribe, accept, replay, forward. No writes, no services, no engine."""

import asyncio
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs
from uuid import UUID

from channels.db import database_sync_to_async
from channels.generic.websocket import AsyncWebsocketConsumer
from rest_framework.exceptions import AuthenticationFailed

from orders import selectors
from orders.authentication import Caller, caller_from
from orders.config import is_allowed_origin, ws_linger_s
from orders.events import timestamp
from orders.feed import get_feed
from orders.models import Order
from orders.problems import Problem
from orders.representation import event_json, order_json
from orders.states import is_terminal

HEARTBEAT_S = 15.0
# Events that one socket may owe its client at a time; a feed further ahead is read from the rows instead.
MAX_QUEUED = 256
# A client that does not take a message for this long is closed: the rows keep its place.
SEND_TIMEOUT_S = 30.0

MALFORMED, UNAUTHORIZED, FORBIDDEN, NOT_FOUND, SLOW = 4400, 4401, 4403, 4404, 4408


class OrderConsumer(AsyncWebsocketConsumer):
    """`/orders/{orderId}[?after=seq]`: snapshot, missed events, live events, close after the last."""

    order_id: UUID
    sent_seq: int = 0

    async def connect(self) -> None:
        """Subscribe before reading, so that nothing falls between the snapshot and the first live event."""
        await self.accept()
        self._queue: asyncio.Queue[dict[str, Any] | None] = asyncio.Queue(MAX_QUEUED)
        self._pump_task: asyncio.Task[None] | None = None
        try:
            self.order_id, after = self._address()
            caller = await database_sync_to_async(self._caller)()
        except Refused as refused:
            await self._refuse(refused)
            return
        await get_feed().follow(self)
        order = await database_sync_to_async(self._find)(caller)
        if order is None:
            get_feed().unfollow(self)
            await self._refuse(Refused(NOT_FOUND, Problem("not_found", f"you have no order {self.order_id}")))
            return
        self.sent_seq = order.seq if after is None else min(after, order.seq)
        await self._send({"type": "snapshot", "seq": order.seq, "after": after, "order": order_json(order)})
        self._pump_task = asyncio.create_task(self._pump(is_terminal(order.status) and self.sent_seq == order.seq))
        if self.sent_seq < order.seq:
            self.catch_up()

    async def disconnect(self, code: int) -> None:
        """Leave the feed."""
        task = getattr(self, "_pump_task", None)
        if task is not None:
            task.cancel()
            get_feed().unfollow(self)

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        """Clients have nothing to say here; what they send is read and dropped."""

    # --- Follower -----------------------------------------------------------------------------------------

    def offer(self, event: dict[str, Any]) -> None:
        """Queue a pushed event; when the queue is full the rows are read later instead."""
        if event["seq"] > self.sent_seq and not self._queue.full():
            self._queue.put_nowait(event)

    def catch_up(self) -> None:
        """Have the pump read the rows."""
        if not self._queue.full():
            self._queue.put_nowait(None)

    # --- The pump: one writer per socket --------------------------------------------------------------------

    async def _pump(self, has_ended: bool) -> None:
        try:
            while not has_ended:
                has_ended = await self._forward(await self._next())
            await asyncio.sleep(ws_linger_s())
            await self.close(1000)
        except TimeoutError:
            await self.close(SLOW)

    async def _next(self) -> dict[str, Any] | None:
        while True:
            try:
                return await asyncio.wait_for(self._queue.get(), HEARTBEAT_S)
            except TimeoutError:
                await self._send({"type": "heartbeat", "seq": self.sent_seq, "at": timestamp(datetime.now(UTC))})

    async def _forward(self, event: dict[str, Any] | None) -> bool:
        """Send the event if it is the next one, else what the rows say; True after a terminal one."""
        if event is not None and event["seq"] <= self.sent_seq:
            return False
        if event is not None and event["seq"] == self.sent_seq + 1:
            return await self._send_event(event)
        missed = await database_sync_to_async(self._missed)()
        for row in missed:
            if await self._send_event(row):
                return True
        return False

    async def _send_event(self, event: dict[str, Any]) -> bool:
        await self._send(event)
        self.sent_seq = event["seq"]
        return is_terminal(event["status"])

    async def _send(self, message: Mapping[str, Any]) -> None:
        await asyncio.wait_for(self.send(text_data=json.dumps(message, separators=(",", ":"))), SEND_TIMEOUT_S)

    # --- Reading ------------------------------------------------------------------------------------------

    def _address(self) -> tuple[UUID, int | None]:
        """The order and the last seq the client has. Raises: Refused 4400."""
        text = self.scope["url_route"]["kwargs"]["order_id"]
        try:
            order_id = UUID(text)
        except ValueError:
            raise Refused(MALFORMED, Problem("invalid", "the address must end in an order id (UUID)")) from None
        after = parse_qs(self.scope["query_string"].decode("latin-1"), keep_blank_values=True).get("after", [None])[-1]
        if after is None:
            return order_id, None
        if not (after.isascii() and after.isdigit() and len(after) <= 9):
            raise Refused(MALFORMED, Problem("invalid", "after must be the last seq you have: a whole number from 0"))
        return order_id, int(after)

    def _caller(self) -> Caller:
        """Who follows. Raises: Refused 4401, 4403."""
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in self.scope["headers"]}
        if "origin" in headers and not is_allowed_origin(headers["origin"]):
            raise Refused(FORBIDDEN, Problem("forbidden", "pages of this origin may not follow orders"))
        client = self.scope.get("client") or ("", 0)
        try:
            caller = caller_from(headers.get("authorization", ""), client[0])
        except AuthenticationFailed as error:
            raise Refused(UNAUTHORIZED, Problem("unauthorized", str(error.detail))) from None
        if caller is None:
            raise Refused(UNAUTHORIZED, Problem("unauthorized", "following orders needs an API key"))
        return caller

    def _find(self, caller: Caller) -> Order | None:
        return selectors.orders_of(caller.account).filter(pk=self.order_id).first()

    def _missed(self) -> list[dict[str, Any]]:
        return [event_json(row) for row in selectors.events_after(self.order_id, self.sent_seq)]

    async def _refuse(self, refused: "Refused") -> None:
        await self._send({"type": "error", "problem": refused.problem.to_json()})
        await self.close(refused.close_code)


class Refused(Exception):
    """The socket cannot be served: close code, and a problem that says why."""

    def __init__(self, close_code: int, problem: Problem) -> None:
        super().__init__(problem.detail)
        self.close_code = close_code
        self.problem = problem
