"""What every WebSocket has in common: who may open it, how many at a time, and how it is sent away."""

import asyncio
import logging
from collections import Counter
from collections.abc import Collection, Mapping
from typing import Any, ClassVar
from urllib.parse import parse_qs

import orjson
from channels.consumer import get_handler_name
from channels.generic.websocket import AsyncWebsocketConsumer
from django.db import Error as DatabaseError
from psycopg import Error as SessionError

from orders.database.rows import Condition
from orders.faults import UNFORESEEN, fault_problem
from orders.inputs.query import Query
from orders.inputs.strict_json import JsonError, read_json
from orders.models import Account
from orders.presentation.messages import ERROR
from orders.problems import Problem, ProblemError
from orders.scalars import ScalarError
from orders.scopes import READ
from orders.streams.admission import (
    Access,
    Refused,
    access_now,
    address_of,
    caller_of,
    caller_with_ticket,
    known_caller_of,
)
from orders.streams.threads import in_thread

logger = logging.getLogger(__name__)

HEARTBEAT_S = 15.0
TICKET_WAIT_S = 5.0
KEY_CHECK_S = 60.0
MAX_SOCKETS = 20
SUBPROTOCOL = "oe.v1"
KEY_ENDED = "the API key has expired, was revoked or may not read here"
SESSION_ENDED = "the session has ended, or the role of its user is another one"

MALFORMED, UNAUTHORIZED, NOT_FOUND, SLOW, TOO_MANY, RESTART = 4400, 4401, 4404, 4408, 4429, 1012
UNEXPECTED = 1011
# How long the handshake may wait for what is said with its end, one message to the client instead of two.
OPEN_S = 0.5
DISCONNECTED = "websocket.disconnect"
DATABASE_ERRORS = (DatabaseError, SessionError, OSError)

_open: Counter[int] = Counter()


class Socket(AsyncWebsocketConsumer):
    """Accepts, then says why not; without credentials it waits for a first frame that brings a ticket."""

    # What a key must have to open it.
    needed_scope: ClassVar[str] = READ
    # Nothing reaches a socket over the channel layer: the feed hands it what it follows, with or without Redis.
    channel_layer_alias = "none"

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._access: Access | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self._waits_for_ticket = False
        self._is_accepted = self._is_closed = False

    # --- What a kind of socket adds -------------------------------------------------------------------------

    def read_address(self) -> None:
        """Check path and query. Raises: Refused."""

    async def begin(self, account: Account) -> None:
        """Serve the caller; called once. Raises: Refused."""
        raise NotImplementedError

    async def begin_known(self, access: Access, holds: Condition) -> bool:
        """Serve a caller who was seen before, if the rows that are read for it say under `holds` that it may be.

        False, with nothing done, where they do not, or the kind of socket knows no such way. Raises: Refused.
        """
        return False

    async def end(self) -> None:
        """Leave the feed."""

    async def take(self, text: str | None) -> None:
        """A frame from the client, None for a binary one; dropped where nothing is expected. Raises: Refused."""

    # --- The consumer ---------------------------------------------------------------------------------------

    async def dispatch(self, message: Any) -> None:
        """As the base class does, without a turn in a thread before each message."""
        await getattr(self, get_handler_name(message))(message)

    async def connect(self) -> None:
        """Accept, since only an open socket can say why it closes; that of a known caller with its first message."""
        offered = self.scope.get("subprotocols") or []
        async with self._refusing():
            if offered and SUBPROTOCOL not in offered:
                raise Refused(MALFORMED, Problem("invalid", f"the subprotocol here is {SUBPROTOCOL}"))
            self.read_address()
            known = known_caller_of(self.scope, self.needed_scope)
            if known is not None and await self._begin_known(*known):
                return
            await self._open()
            access = await in_thread(caller_of, self.scope, self.needed_scope)
            if access is None:
                self._waits_for_ticket = True
                self._tasks.append(asyncio.create_task(self._no_ticket()))
            else:
                await self._admit(access)

    async def _begin_known(self, access: Access, holds: Condition) -> bool:
        late = asyncio.get_running_loop().call_later(OPEN_S, lambda: self.run(self._open()))
        try:
            return await self.begin_known(access, holds)
        finally:
            late.cancel()

    async def _open(self) -> None:
        """Accept the socket, once; before anything is said on it."""
        if not self._is_accepted:
            self._is_accepted = True
            await self.accept(SUBPROTOCOL if SUBPROTOCOL in (self.scope.get("subprotocols") or ()) else None)

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        """The ticket, while one is waited for; later what the kind of socket takes."""
        if self._is_closed:
            return
        async with self._refusing():
            if self._waits_for_ticket:
                ticket = _ticket_in(read_frame(text_data))
                address = address_of(self.scope)
                await self._admit(await in_thread(caller_with_ticket, ticket, address, self.needed_scope))
            elif self._access is not None:
                await self.take(text_data)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Take message after message, as the base class does by a task for each.

        A server that gives a socket up does not tell it: it leaves all the same.
        """
        self.scope, self.base_send = scope, send
        try:
            while (message := await receive())["type"] != DISCONNECTED:
                await self.dispatch(message)
        finally:
            await self._leave()

    async def _leave(self) -> None:
        """Stop everything that runs for the socket."""
        self._is_closed = True
        for task in self._tasks:
            task.cancel()
        access, self._access = self._access, None
        if access is not None:
            _open[access.account.pk] -= 1
            await self.end()

    async def _admit(self, access: Access) -> None:
        self.take_place(access)
        await self.begin(access.account)

    def take_place(self, access: Access) -> None:
        """Count the socket as one of the caller's, which is known to be let in. Raises: Refused 4429."""
        self._waits_for_ticket = False
        if _open[access.account.pk] >= MAX_SOCKETS:
            raise Refused(TOO_MANY, Problem("throttled", f"{MAX_SOCKETS} sockets of yours are open here"))
        _open[access.account.pk] += 1
        self._access = access
        if access.can_end:
            self._tasks.append(asyncio.create_task(self._check_access(access)))

    async def _no_ticket(self) -> None:
        await asyncio.sleep(TICKET_WAIT_S)
        if self._waits_for_ticket:
            await self.refuse(
                Refused(UNAUTHORIZED, Problem("unauthorized", f"no key, and no ticket within {TICKET_WAIT_S:.0f} s"))
            )

    async def _check_access(self, opened: Access) -> None:
        while True:
            await asyncio.sleep(KEY_CHECK_S)
            async with self._refusing():
                access = await in_thread(access_now, opened, address_of(self.scope), self.needed_scope)
                if access is None:
                    is_key = opened.caller.person is None
                    detail = KEY_ENDED if is_key else SESSION_ENDED
                    raise Refused(UNAUTHORIZED, Problem("unauthorized", detail))
                if self._access is not None:
                    self._access = access

    # --- Saying and closing -----------------------------------------------------------------------------------

    async def say(self, message: Mapping[str, Any]) -> int:
        """Send a message; returns its size in bytes."""
        text = orjson.dumps(message)
        await self.say_text(text.decode())
        return len(text)

    async def say_text(self, text: str) -> None:
        """Send a message that was made before."""
        if not self._is_closed:
            await self._open()
            message: Any = {"type": "websocket.send", "text": text}
            await self.base_send(message)

    async def shut(self, code: int) -> None:
        """Close once."""
        if not self._is_closed:
            self._is_closed = True
            await self._open()
            await self.close(code)

    async def refuse(self, refused: Refused) -> None:
        """Say why, then close."""
        await self.say(ERROR.render(refused.problem))
        await self.shut(refused.close_code)

    def run(self, work: Any) -> None:
        """Run a coroutine until the socket ends; it may raise Refused."""

        async def guarded() -> None:
            async with self._refusing():
                await work

        task = asyncio.create_task(guarded())
        # A socket that is left before its task has begun would leave the coroutine unused.
        task.add_done_callback(lambda _: work.close())
        self._tasks.append(task)

    def restart(self) -> None:
        """Have the client come again with its cursor."""
        self.run(self.shut(RESTART))

    def _refusing(self) -> "_Refusing":
        return _Refusing(self)

    def query(self, known: Collection[str], repeatable: Collection[str] = ()) -> Query:
        """The query parameters. Raises: ProblemError for one that is unknown, empty or stated twice."""
        stated = parse_qs(self.scope["query_string"].decode("latin-1"), keep_blank_values=True)
        return Query(stated.items(), known, repeatable)


class _Refusing:
    """Turns refusals and errors into the close of the socket, with the words that REST has for them."""

    def __init__(self, socket: Socket) -> None:
        self._socket = socket

    async def __aenter__(self) -> None:
        return None

    async def __aexit__(self, kind: Any, error: BaseException | None, trace: Any) -> bool:
        if isinstance(error, Refused):
            await self._socket.refuse(error)
            return True
        if not isinstance(error, Exception):
            return False
        await self._socket.refuse(_refusal_for(error))
        return True


def _refusal_for(error: Exception) -> Refused:
    """The close code of errors: 1012 where a dependency is away, another one for unexpected errors."""
    if isinstance(error, ProblemError):
        return Refused(MALFORMED, error.problem)
    if isinstance(error, ScalarError):
        return Refused(MALFORMED, Problem(error.code, error.detail))
    problem = fault_problem(error)
    if problem is None and isinstance(error, DATABASE_ERRORS):
        problem = Problem("not_ready", "the database cannot be reached")
    if problem is None:
        logger.error("closing a WebSocket", exc_info=error)
        return Refused(UNEXPECTED, UNFORESEEN)
    logger.warning("closing a WebSocket: %s (%s)", problem.detail, type(error).__name__)
    return Refused(RESTART if problem.status == 503 else UNEXPECTED, problem)


def read_frame(text: str | None) -> Mapping[str, Any]:
    """A frame's JSON object. Raises: Refused 4400."""
    try:
        frame = read_json(text or "")
    except JsonError as error:
        raise Refused(MALFORMED, Problem(error.code, f"the frame {error.detail}")) from None
    if not isinstance(frame, dict):
        raise Refused(MALFORMED, Problem("malformed_json", "a frame must be a JSON object"))
    return frame


def _ticket_in(frame: Mapping[str, Any]) -> str:
    ticket = frame.get("ticket")
    if frame.get("op") != "auth" or not isinstance(ticket, str) or frame.keys() != {"op", "ticket"}:
        detail = 'the first frame must be {"op":"auth","ticket":"..."} where no key came with the request'
        raise Refused(UNAUTHORIZED, Problem("unauthorized", detail))
    return ticket
