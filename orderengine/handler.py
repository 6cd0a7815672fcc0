"""Django's ASGI handler with one change to a thread per request.

Django runs synchronous middleware and views of an ASGI server in a new executor and thread per request, and goes there
and back for each signal: a quarter of what a small POST costs. Here threads are kept, and one call answers a request.
"""

import asyncio
import contextvars
from collections.abc import AsyncIterator, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from io import SEEK_END
from typing import IO, Any

from django.core.exceptions import RequestAborted
from django.core.handlers.asgi import ASGIHandler
from django.core.signals import request_started
from django.http import FileResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.urls import set_script_prefix

from orderengine.connections import PIECE_BYTES

# More than the database has connections for; those who wait for one are answered that they must come again.
MAX_THREADS = 64
# Answered without any I/O by a thread of its own: who asks would kill a process that only waits for its database.
PROBE = "/health"


class ThreadedHandler(ASGIHandler):
    """Middleware, view and signals of a request run in one thread, which the next request uses again."""

    def __init__(self) -> None:
        super().__init__()
        self._threads = ThreadPoolExecutor(MAX_THREADS, thread_name_prefix="request")
        self._probe_thread = ThreadPoolExecutor(1, thread_name_prefix="probe")

    def load_middleware(self, is_async: bool = False) -> None:
        """Build the synchronous chain, whatever the server is."""
        super().load_middleware(is_async=False)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer one request. A client that hangs up meanwhile changes nothing: a thread cannot be called back."""
        try:
            body = await self.read_body(receive)
        except RequestAborted:
            return
        threads = self._probe_thread if scope["path"] == PROBE else self._threads
        # What a request sets for itself, such as its language, is not for the next one in its thread.
        run = contextvars.copy_context().run
        response = await asyncio.get_running_loop().run_in_executor(threads, run, self._answer, scope, body)
        try:
            if isinstance(response, StreamingHttpResponse) and not response.is_async:
                response.streaming_content = self._read(threads, response.streaming_content)
            with suppress(ConnectionResetError):  # the client is gone
                await self.send_response(response, send)
        finally:
            if response.streaming:
                response.close()

    @classmethod
    def chunk_bytes(cls, data: bytes) -> Iterator[tuple[bytes, bool]]:
        """The whole at once: the connection cuts it into pieces as the client reads."""
        yield data, True

    async def _read(self, threads: ThreadPoolExecutor, parts: Iterator[bytes]) -> AsyncIterator[bytes]:
        """The next part once the one before has left; Django would read a whole file first."""
        loop = asyncio.get_running_loop()
        while (part := await loop.run_in_executor(threads, next, parts, None)) is not None:
            yield part

    def _answer(self, scope: Any, body: IO[bytes]) -> HttpResponseBase:
        """Run the chain, and let go of the database before the answer leaves; a stream is left open."""
        # From the root: daphne takes another from a header, with which a caller shifts paths past a proxy.
        scope = {**scope, "root_path": "", "headers": with_length(scope["headers"], body)}
        set_script_prefix("/")
        with closing(body):
            request_started.send(sender=self.__class__, scope=scope)
            request, refusal = self.create_request(scope, body)
            response: Any = refusal if request is None else self.get_response(request)
        response._handler_class = self.__class__
        if isinstance(response, FileResponse):
            response.block_size = PIECE_BYTES
        answer: HttpResponseBase = response
        if not answer.streaming:
            answer.close()
        return answer


def with_length(headers: Iterable[tuple[bytes, bytes]], body: IO[bytes]) -> list[tuple[bytes, bytes]]:
    """The headers, and the length of a body that came in chunks, without one.

    Whatever reads bodies here takes a request without Content-Length for one without a body.
    """
    kept = list(headers)
    if any(name == b"content-length" for name, _ in kept):
        return kept
    length = body.seek(0, SEEK_END)
    body.seek(0)
    return [*kept, (b"content-length", b"%d" % length)] if length else kept
