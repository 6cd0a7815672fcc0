"""One receiver, of which nothing is believed: a POST to it is bounded in time, bytes and pieces.

The host is resolved once for a connection, each of its addresses is judged, and the connection goes to one of these.
Redirects are not followed, proxies of the environment not used, contents not decoded. Of the answer count its status
and the first bytes; a connection is kept as long as the receiver ends its answers within these bounds.
"""

import asyncio
import logging
import ssl
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from functools import cache
from typing import Any, NamedTuple

import httpcore
import httpx

from orders.webhooks.names import UnknownName, look_up
from orders.webhooks.schedule import ASKS_TO_WAIT, read_retry_after
from orders.webhooks.targets import Address, TargetPolicy, Url

# Of a whole attempt, from the look-up of the host to the status of the answer.
TOTAL_S = 10.0
CONNECT_S = 3.0
# A message for which a kept connection proves to be closed is sent on another one, but not late: leases are short.
AGAIN_WITHIN_S = 1.0
# Once there is a status, of the body's first bytes.
BODY_S = 1.0
MAX_RESPONSE_BYTES = 1024
# Of an answer: interim ones, head, and as much of the body as is read.
MAX_READ_BYTES = 32 * 1024
# And in how many pieces it may come: single bytes would cost this process more than their sender.
MAX_READS = 256
# Of one host, when others do not answer.
MAX_ADDRESSES = 3
MAX_ERROR = 300
USER_AGENT = "order-execution-engine"

logger = logging.getLogger(__name__)
logging.getLogger("httpcore").setLevel(logging.WARNING)  # its debug lines would hold signatures

Resolve = Callable[[str, int], Awaitable[Sequence[Address]]]


class Refused(Exception):
    """What the receiver may not do, or where nothing is sent to; the text is for the endpoint's owner."""


class Answer(NamedTuple):
    """What came of one attempt; without `status` there was no answer, and `error` says why."""

    status: int | None
    error: str | None
    response: str = ""
    retry_after_s: int | None = None
    took_ms: int = 0

    @property
    def is_delivered(self) -> bool:
        """Whether the receiver has taken the message."""
        return self.status is not None and 200 <= self.status < 300

    @property
    def failure(self) -> str:
        """Why it is not delivered, in a sentence's words."""
        if self.status is None:
            return self.error or "no answer"
        note = ": redirects are not followed" if 300 <= self.status < 400 else ""
        return f"the receiver answered {self.status}{note}"


class Receiver:
    """The connection to one endpoint, one message at a time."""

    def __init__(
        self, url: Url, policy: TargetPolicy, *, resolve: "Resolve | None" = None, context: ssl.SSLContext | None = None
    ) -> None:
        self._url = httpcore.URL(scheme=url.scheme, host=url.host, port=url.port, target=url.target)
        self._backend = _Guarded(url, policy, resolve or look_up)
        self._pool = httpcore.AsyncConnectionPool(
            ssl_context=context or tls_context(),
            max_connections=1,
            max_keepalive_connections=1,
            keepalive_expiry=TOTAL_S,
            http1=True,
            http2=False,
            network_backend=self._backend,
        )

    async def close(self) -> None:
        """End the connection."""
        await self._pool.aclose()

    async def post(self, headers: Mapping[str, str], body: str) -> Answer:
        """Send a message and judge the answer. Raises nothing but CancelledError."""
        loop = asyncio.get_running_loop()
        began_at = loop.time()
        is_kept = self._backend.is_connected
        answer = await self._attempt(headers, body)
        is_early = loop.time() - began_at < AGAIN_WITHIN_S
        if answer.status is None and is_kept and is_early and self._backend.has_read_nothing:
            # The receiver closed a kept connection meanwhile: it has not seen the message, or sees it twice.
            answer = await self._attempt(headers, body)
        return answer._replace(took_ms=int((loop.time() - began_at) * 1000))

    async def _attempt(self, headers: Mapping[str, str], body: str) -> Answer:
        self._backend.begin_message()
        try:
            async with asyncio.timeout(TOTAL_S):
                return await self._exchange(headers, body.encode())
        except TimeoutError:
            return Answer(None, f"no answer within {TOTAL_S:g} s")
        except Refused as refusal:
            return Answer(None, str(refusal))
        except UnknownName:
            return Answer(None, "the host's name cannot be resolved")
        except httpcore.TimeoutException:
            return Answer(None, "no connection in time")
        except (httpcore.NetworkError, httpcore.ProtocolError, OSError) as error:
            return Answer(None, _words(error))
        except Exception:
            # What no library foresaw of an answer is a failed attempt too: it must not be tried without a pause.
            logger.exception("a webhook's receiver answered what was not foreseen")
            return Answer(None, "no valid HTTP answer")

    async def _exchange(self, headers: Mapping[str, str], body: bytes) -> Answer:
        stated = {"content-type": "application/json", "user-agent": USER_AGENT, "accept-encoding": "identity"}
        async with self._pool.stream(
            "POST", self._url, headers=list((stated | dict(headers)).items()), content=body
        ) as answer:
            response = await _beginning(answer)
            retry_after = _retry_after(answer) if answer.status in ASKS_TO_WAIT else None
            return Answer(answer.status, None, response, retry_after)


class _Guarded(httpcore.AsyncNetworkBackend):
    """Connects to judged addresses alone, and counts what is read from there."""

    def __init__(self, url: Url, policy: TargetPolicy, resolve: Resolve) -> None:
        self._url, self._policy, self._resolve = url, policy, resolve
        self._plain = httpcore.AnyIOBackend()
        self.is_connected = False
        self.begin_message()

    def begin_message(self) -> None:
        """Count from the start what an answer may hold."""
        self._bytes_left, self._reads_left = MAX_READ_BYTES, MAX_READS

    @property
    def has_read_nothing(self) -> bool:
        """Whether nothing has come since the message began."""
        return self._bytes_left == MAX_READ_BYTES

    def next_size(self, wanted: int) -> int:
        """How many bytes may be read next. Raises: Refused beyond the bounds."""
        if self._bytes_left <= 0:
            raise Refused(f"the answer holds more than {MAX_READ_BYTES} bytes before it can be judged")
        if self._reads_left <= 0:
            raise Refused(f"the answer comes in more than {MAX_READS} pieces before it can be judged")
        return min(wanted, self._bytes_left)

    def has_read(self, size: int) -> None:
        """Some bytes have come."""
        self._bytes_left -= size
        self._reads_left -= 1

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - the interface of the library
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Raises: Refused, UnknownName, httpcore.ConnectError, httpcore.ConnectTimeout."""
        addresses = await self._resolve(host, port)
        for address in addresses:
            if (refusal := self._policy.refusal(self._url, address)) is not None:
                raise Refused(refusal)
        error: Exception = Refused("the host has no address")
        for address in addresses[:MAX_ADDRESSES]:
            try:
                stream = await self._plain.connect_tcp(str(address), port, CONNECT_S, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as failed:
                error = failed
            else:
                self.is_connected = True
                return _Counted(stream, self)
        raise error


class _Counted(httpcore.AsyncNetworkStream):
    """A stream that gives no more than one answer may hold."""

    def __init__(self, inner: httpcore.AsyncNetworkStream, owner: _Guarded) -> None:
        self._inner, self._owner = inner, owner

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ASYNC109
        """Raises: Refused beyond the bound."""
        data = await self._inner.read(self._owner.next_size(max_bytes), timeout)
        self._owner.has_read(len(data))
        return data

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ASYNC109
        """As it is."""
        await self._inner.write(buffer, timeout)

    async def aclose(self) -> None:
        """As it is."""
        self._owner.is_connected = False
        await self._inner.aclose()

    async def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,  # noqa: ASYNC109
    ) -> httpcore.AsyncNetworkStream:
        """TLS with the name of the URL's host, not its address."""
        return _Counted(await self._inner.start_tls(ssl_context, server_hostname, CONNECT_S), self._owner)

    def get_extra_info(self, info: str) -> Any:
        """As it is."""
        return self._inner.get_extra_info(info)


@cache
def tls_context() -> ssl.SSLContext:
    """Certificates are verified; the environment's SSL_CERT_FILE names other authorities."""
    return httpx.create_ssl_context()


async def _beginning(answer: httpcore.Response) -> str:
    """The first bytes of the body, as text that the database can hold; what comes too late or broken is left out."""
    head = b""
    try:
        async with asyncio.timeout(BODY_S):
            async for part in answer.aiter_stream():
                head += part
                if len(head) > MAX_RESPONSE_BYTES:
                    break
    except (TimeoutError, Refused, httpcore.TimeoutException, httpcore.NetworkError, httpcore.ProtocolError):
        pass  # the status stands without its body
    return head[:MAX_RESPONSE_BYTES].decode(errors="replace").replace("\x00", "\ufffd")


def _retry_after(answer: httpcore.Response) -> int | None:
    stated = [value for name, value in answer.headers if name.lower() == b"retry-after"]
    return read_retry_after(stated[0].decode("latin-1").strip(), datetime.now(UTC)) if len(stated) == 1 else None


def _words(error: Exception) -> str:
    """What went wrong on the way, without addresses."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLError):
            return f"TLS: {cause.reason or cause}: {getattr(cause, 'verify_message', '')}".rstrip(": ")[:MAX_ERROR]
        cause = cause.__cause__ or cause.__context__
    if isinstance(error, httpcore.ConnectError):
        return "the connection is refused"
    if isinstance(error, httpcore.ProtocolError):
        return f"no valid HTTP answer ({error})"[:MAX_ERROR]
    return "the connection broke off"
