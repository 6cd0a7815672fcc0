"""The ASGI handler: requests share threads and nothing else."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from io import BytesIO
from typing import Any

import pytest
from django.core.signals import request_finished
from django.db import DEFAULT_DB_ALIAS, connection, connections
from django.http import FileResponse, HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.utils import translation

from orderengine.web import handler as handlers
from orderengine.web.handler import ThreadedHandler

View = Callable[[HttpRequest], HttpResponseBase]


@pytest.fixture
def finished() -> Iterator[list[str]]:
    """The threads in which requests finished."""
    names: list[str] = []

    def note(**_: Any) -> None:
        names.append(threading.current_thread().name)

    request_finished.connect(note)
    yield names
    request_finished.disconnect(note)


def handler_of(view: View, monkeypatch: pytest.MonkeyPatch, threads: int = 1) -> ThreadedHandler:
    monkeypatch.setattr(handlers, "MAX_THREADS", threads)
    handler = ThreadedHandler()
    monkeypatch.setattr(handler, "get_response", view)
    return handler


async def ask(handler: ThreadedHandler, path: str, *parts: bytes) -> tuple[int, bytes]:
    """Send one request in parts; its answer."""
    messages = [{"type": "http.request", "body": part, "more_body": True} for part in parts]
    messages.append({"type": "http.request"})
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return messages.pop(0)

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    scope = {"type": "http", "method": "POST", "path": path, "root_path": "/elsewhere", "headers": []}
    await handler(scope, receive, send)
    start, *bodies = sent
    assert not bodies[-1].get("more_body", False)
    return start["status"], b"".join(message.get("body", b"") for message in bodies)


def test_who_asks_whether_it_lives_is_answered_while_every_thread_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    go_on = threading.Event()

    def view(request: HttpRequest) -> HttpResponse:
        if request.path != "/health":
            assert go_on.wait(10)
        return HttpResponse(request.path)

    async def crowd() -> tuple[int, bytes]:
        handler = handler_of(view, monkeypatch, threads=2)
        waiting = [asyncio.create_task(ask(handler, "/orders")) for _ in range(5)]
        await asyncio.sleep(0)
        probe = await asyncio.wait_for(ask(handler, "/health"), 5)
        assert not any(task.done() for task in waiting)
        go_on.set()
        assert await asyncio.gather(*waiting) == [(200, b"/orders")] * 5
        return probe

    try:
        assert asyncio.run(crowd()) == (200, b"/health")
    finally:
        go_on.set()


def test_the_next_request_in_a_thread_knows_nothing_of_the_one_before(monkeypatch: pytest.MonkeyPatch) -> None:
    threads = set()

    def view(request: HttpRequest) -> HttpResponse:
        threads.add(threading.get_ident())
        before = translation.get_language()
        translation.activate(request.path.strip("/"))
        return HttpResponse(before)

    async def two() -> list[tuple[int, bytes]]:
        handler = handler_of(view, monkeypatch)
        return [await ask(handler, path) for path in ("/de", "/fr")]

    first, second = asyncio.run(two())
    assert first == second
    assert len(threads) == 1


def test_a_body_is_read_in_the_thread_that_also_finishes_the_request(
    monkeypatch: pytest.MonkeyPatch, finished: list[str]
) -> None:
    handler = handler_of(lambda request: HttpResponse(request.body[::-1]), monkeypatch)

    assert asyncio.run(ask(handler, "/", b"ab", b"c")) == (200, b"cba")
    [name] = finished
    assert name.startswith("stranger")


def test_a_stream_is_finished_after_its_last_part(monkeypatch: pytest.MonkeyPatch, finished: list[str]) -> None:
    finished_by = []

    def parts() -> Iterator[bytes]:
        yield b"a"
        finished_by.append(len(finished))
        yield b"b"

    handler = handler_of(lambda _: StreamingHttpResponse(parts()), monkeypatch)

    assert asyncio.run(ask(handler, "/")) == (200, b"ab")
    assert (finished_by, len(finished)) == ([0], 1)


@pytest.mark.django_db(transaction=True)
def test_a_thread_keeps_no_session_with_the_database_for_a_file_that_it_has_made(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Another thread sends the file and closes it; ten threads that keep one each are all that a pool has."""
    sessions: list[Any] = []

    def view(request: HttpRequest) -> FileResponse:
        connection.ensure_connection()
        sessions.append(connections[DEFAULT_DB_ALIAS])
        return FileResponse(BytesIO(b"rows"))

    assert asyncio.run(ask(handler_of(view, monkeypatch), "/reports")) == (200, b"rows")
    assert [session.connection for session in sessions] == [None]


def test_a_client_that_hangs_up_within_its_body_is_not_answered(monkeypatch: pytest.MonkeyPatch) -> None:
    handler = handler_of(lambda _: pytest.fail("answered"), monkeypatch)

    async def receive() -> dict[str, Any]:
        return {"type": "http.disconnect"}

    async def send(message: dict[str, Any]) -> None:
        pytest.fail(f"sent {message}")

    asyncio.run(handler({"type": "http", "method": "POST", "path": "/", "headers": []}, receive, send))
