"""Which threads answer a request, and in which lane it waits for them: by what it asks for and what it brings."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from django.conf import settings

from orderengine.web.pace import Lane
from orders.config import api_is_open
from orders.models.key_format import prefix_of

# Answered by a thread of their own: who asks would kill a process that only waits for its database.
PROBES = {"/health", "/ready"}
API = "/api/v1/"
# Parts of the API that need no key.
OPEN = {"/api/v1/schema", "/api/v1/asyncapi", "/api/v1/docs"}
SESSION_COOKIE = b"sessionid="
COOKIE_END = b";"
OK, MOVED, UNAUTHORIZED = 200, 300, 401
# Keys and sessions that are remembered as good, by a hash of this process alone.
MAX_KNOWN = 10_000


@dataclass(frozen=True, slots=True)
class Desk:
    """Where a request is answered. A probe is answered in the end however many wait, others are asked to come again."""

    threads: ThreadPoolExecutor
    lane: Lane | None = None
    must_answer: bool = False
    is_callers: bool = False


class Desks:
    """Callers of the API never wait for strangers, nor do probes and people who are signed in."""

    def __init__(self, most_threads: int) -> None:
        few = min(2, most_threads)
        self._callers = Desk(ThreadPoolExecutor(most_threads, thread_name_prefix="request"), is_callers=True)
        self._health = Desk(ThreadPoolExecutor(1, thread_name_prefix="health"), Lane(0.05, 0.5, 1.0), must_answer=True)
        self._ready = Desk(ThreadPoolExecutor(2, thread_name_prefix="ready"), Lane(0.05, 0.5, 1.0), must_answer=True)
        self._people = Desk(ThreadPoolExecutor(few, thread_name_prefix="people"), Lane(0.25, 3.0, 10.0))
        self._strangers = Desk(ThreadPoolExecutor(few, thread_name_prefix="stranger"), Lane(0.1, 0.3, 10.0))
        self._files = Desk(ThreadPoolExecutor(few, thread_name_prefix="file"), Lane(0.1, 0.3, 10.0))
        # A key or session that was not seen yet waits among its like: a made-up one costs as much as one that is good.
        self._newcomers = Desk(ThreadPoolExecutor(few, thread_name_prefix="newcomer"), Lane(0.1, 0.3, 10.0))
        self._known: set[int] = set()

    def of(self, scope: Any) -> Desk:
        """The desk for this request."""
        path = scope["path"].rstrip("/")
        if path in PROBES:
            return self._health if path == "/health" else self._ready
        if path.startswith(API) and path not in OPEN:
            return self._of_api(*_credentials(scope))
        if path.startswith(settings.STATIC_URL):
            return self._files
        return self._people if _session(scope) else self._strangers

    def learn(self, scope: Any, status: int) -> None:
        """Note from an answer of the API whether the key or session that came with the request is good.

        Only what was done for it says so: a refusal may come before anybody looks at the key.
        """
        authorization, session = _credentials(scope)
        shown, path = authorization or session, scope["path"].rstrip("/")
        if not shown or not path.startswith(API) or path in OPEN:
            return
        if status == UNAUTHORIZED:
            self._known.discard(hash(shown))
        elif OK <= status < MOVED:
            if len(self._known) >= MAX_KNOWN:
                self._known.clear()
            self._known.add(hash(shown))

    def _of_api(self, authorization: bytes, session: bytes) -> Desk:
        """A key counts before a session, as it does for the API."""
        if hash(authorization or session) in self._known or (api_is_open() and not authorization):
            return self._callers
        if session and not authorization:
            return self._newcomers
        return self._newcomers if _is_like_a_key(authorization) else self._strangers


def _credentials(scope: Any) -> tuple[bytes, bytes]:
    return _header(scope, b"authorization"), _session(scope)


def _session(scope: Any) -> bytes:
    """The session cookie with its value, empty without one."""
    _, name, value = _header(scope, b"cookie").partition(SESSION_COOKIE)
    return name + value.partition(COOKIE_END)[0]


def _header(scope: Any, name: bytes) -> bytes:
    return next((value for key, value in scope["headers"] if key == name), b"")


def _is_like_a_key(authorization: bytes) -> bool:
    scheme, _, key = authorization.decode("latin-1").partition(" ")
    return scheme.lower() == "bearer" and bool(prefix_of(key.strip()))
