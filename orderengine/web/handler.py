"""Django's ASGI handler with one change to a thread per request, and lanes for requests that need no key.

Django runs synchronous middleware and views of an ASGI server in a new executor and thread per request, and goes there
and back for each signal: a quarter of what a small POST costs. Here threads are kept, and one call answers a request.
"""

import asyncio
import contextvars
import time
from collections.abc import AsyncIterator, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, closing, suppress
from io import SEEK_END
from typing import IO, Any

from django.core.exceptions import RequestAborted
from django.core.handlers.asgi import ASGIHandler
from django.core.signals import request_started
from django.db import close_old_connections
from django.http import FileResponse, JsonResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.urls import set_script_prefix

from orderengine.web.bounds import PIECE_BYTES
from orderengine.web.lanes import Desk, Desks
from orderengine.web.pace import Busy, Turn
from orders.api.exceptions import MEDIA_TYPE, RETRY_AFTER_S
from orders.problems import Problem

# More than the database has connections for; those who wait for one are answered that they must come again.
MAX_THREADS = 64
# What the server itself spends on a request, and on each piece of an answer.
REQUEST_S, PIECE_S = 0.0015, 0.0002
BUSY = Problem("throttled", "too many requests without a key at once")


class ThreadedHandler(ASGIHandler):
    """Middleware, view and signals of a request run in one thread, which the next request uses again."""

    def __init__(self) -> None:
        super().__init__()
        self._desks = Desks(MAX_THREADS)

    def load_middleware(self, is_async: bool = False) -> None:
        """Build the synchronous chain, also under an asynchronous server."""
        super().load_middleware(is_async=False)

    def knows(self, scope: Any) -> bool:
        """Whether the request comes from a caller of the API whose key is known as good, or who needs none."""
        return self._desks.of(scope).is_callers

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer one request. A client that hangs up meanwhile changes nothing: a thread cannot be called back."""
        try:
            body = await self.read_body(receive)
        except RequestAborted:
            return
        desk = self._desks.of(scope)
        async with AsyncExitStack() as stack:
            try:
                turn = await self._turn(desk, stack)
            except Busy:
                body.close()
                await self.send_response(_busy(scope), send)
                return
            status = await self._serve(desk.threads, turn, scope, body, send)
        self._desks.learn(scope, status)

    async def _turn(self, desk: Desk, stack: AsyncExitStack) -> Turn:
        """Wait in the lane, if there is one. Raises: Busy."""
        if desk.lane is None:
            return Turn()
        try:
            return await stack.enter_async_context(desk.lane.turn())
        except Busy:
            if desk.must_answer:
                return Turn()
            raise

    async def _serve(self, threads: ThreadPoolExecutor, turn: Turn, scope: Any, body: IO[bytes], send: Any) -> int:
        """Answer in a thread, and send the answer; its status."""
        turn.spent_s = REQUEST_S
        # What a request sets for itself, such as its language, is not for the next one in its thread.
        run = contextvars.copy_context().run
        response = await asyncio.get_running_loop().run_in_executor(threads, run, self._timed, turn, scope, body)
        try:
            if isinstance(response, StreamingHttpResponse) and not response.is_async:
                parts: Any = response.streaming_content
                response.streaming_content = _parts(threads, turn, parts)
            with suppress(ConnectionResetError):  # the client is gone
                await self.send_response(response, send)
        finally:
            if response.streaming:
                response.close()
        return response.status_code

    def _timed(self, turn: Turn, scope: Any, body: IO[bytes]) -> HttpResponseBase:
        started_at = time.thread_time()
        try:
            return self._answer(scope, body)
        finally:
            turn.spent_s += time.thread_time() - started_at

    def _answer(self, scope: Any, body: IO[bytes]) -> HttpResponseBase:
        """Run the chain, and let go of the database before the answer leaves; a stream is left open."""
        # From the root: daphne takes another from a header, with which a caller shifts paths past a proxy.
        scope = {**scope, "root_path": "", "headers": with_length(scope["headers"], body)}
        set_script_prefix("/")
        with closing(body):
            request_started.send(sender=self.__class__, scope=scope)
            request, refusal = self.create_request(scope, body)
            response: Any = refusal if request is None else self.get_response(request)
        if isinstance(response, FileResponse):
            response.block_size = PIECE_BYTES
        answer: HttpResponseBase = response
        if answer.streaming:
            # It is closed by another thread. This one would keep its session: a few files later there is none left.
            close_old_connections()
        else:
            answer.close()
        return answer

    @classmethod
    def chunk_bytes(cls, data: Any) -> Iterator[tuple[Any, bool]]:
        """The whole at once: the connection cuts it into pieces as the client reads."""
        yield data, True


async def _parts(threads: ThreadPoolExecutor, turn: Turn, parts: Iterator[bytes]) -> AsyncIterator[bytes]:
    """The next part when the one before has left; Django would read a whole file first."""
    loop = asyncio.get_running_loop()
    while (part := await loop.run_in_executor(threads, next, parts, None)) is not None:
        turn.spent_s += PIECE_S
        yield part


def _busy(scope: Any) -> HttpResponseBase:
    body = BUSY.to_json() | {"instance": scope["path"]}
    return JsonResponse(body, status=BUSY.status, content_type=MEDIA_TYPE, headers={"Retry-After": str(RETRY_AFTER_S)})


def with_length(headers: Iterable[tuple[bytes, bytes]], body: IO[bytes]) -> list[tuple[bytes, bytes]]:
    """The headers, and the length of a body that came in chunks, without one.

    All readers of bodies here take a request without Content-Length for one without a body.
    """
    kept = list(headers)
    if any(name == b"content-length" for name, _ in kept):
        return kept
    length = body.seek(0, SEEK_END)
    body.seek(0)
    return [*kept, (b"content-length", b"%d" % length)] if length else kept
