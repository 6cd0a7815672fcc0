"""Which threads answer a request, and in which lane it waits for them: by what it asks for and what it brings."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from orderengine.pace import Lane
from orders.config import api_is_open
from orders.key_format import prefix_of

# Answered by a thread of their own: who asks would kill a process that only waits for its database.
PROBES = {"/health", "/ready"}
API = "/api/v1/"
# Parts of the API that need no key.
OPEN = {"/api/v1/schema", "/api/v1/docs"}
SESSION_COOKIE = b"sessionid="


@dataclass(frozen=True, slots=True)
class Desk:
    """Where a request is answered. A probe is answered in the end however many wait, others are asked to come again."""

    threads: ThreadPoolExecutor
    lane: Lane | None = None
    must_answer: bool = False


class Desks:
    """Callers of the API never wait for strangers, nor do probes and people who are signed in."""

    def __init__(self, most_threads: int) -> None:
        few = min(4, most_threads)
        self._callers = Desk(ThreadPoolExecutor(most_threads, thread_name_prefix="request"))
        self._health = Desk(ThreadPoolExecutor(1, thread_name_prefix="health"), Lane(0.05, 0.5, 1.0), must_answer=True)
        self._ready = Desk(ThreadPoolExecutor(2, thread_name_prefix="ready"), Lane(0.05, 0.5, 1.0), must_answer=True)
        self._people = Desk(ThreadPoolExecutor(few, thread_name_prefix="people"), Lane(0.25, 3.0, 10.0))
        self._strangers = Desk(ThreadPoolExecutor(few, thread_name_prefix="stranger"), Lane(0.1, 1.0, 10.0))

    def of(self, scope: Any) -> Desk:
        """The desk for this request."""
        path = scope["path"].rstrip("/")
        if path in PROBES:
            return self._health if path == "/health" else self._ready
        headers = dict(scope["headers"])
        if path.startswith(API) and path not in OPEN and (api_is_open() or _has_key(headers)):
            return self._callers
        return self._people if SESSION_COOKIE in headers.get(b"cookie", b"") else self._strangers


def _has_key(headers: dict[bytes, bytes]) -> bool:
    """Whether it brings what looks like a key; whether it is one is for the application to say."""
    scheme, _, key = headers.get(b"authorization", b"").decode("latin-1").partition(" ")
    return scheme.lower() == "bearer" and bool(prefix_of(key.strip()))
