"""One HTTP request to a node, bounded in time and in size. Nothing is ever repeated here.

What goes wrong becomes an `Unreachable` in words that name the host alone.
"""

import logging
import ssl
import time
import zlib
from collections.abc import Iterator
from email.utils import parsedate_to_datetime
from functools import cache
from http import HTTPStatus
from typing import NamedTuple

import httpx

from dex.chains.evm.nodes.address import NodeAddress
from dex.deadline import left_s
from dex.errors import ChainUnavailable

# It logs each address, keys in it included.
logging.getLogger("httpx").setLevel(logging.WARNING)

CONNECT_TIMEOUT_S = 3.0
# Unpacked. The largest answers, the ticks of a market, have some megabytes.
MAX_ANSWER_BYTES = 64_000_000
CHUNK_BYTES = 65_536
# How long a connection that is not used stays open: shorter than the minute after which most servers close it.
KEEP_OPEN_S = 30.0
GZIP = 16 + zlib.MAX_WBITS
# No connection came about, so that nothing was sent.
_UNSENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError, httpx.UnsupportedProtocol)
PROXY_VARIABLES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "SSL_CERT_FILE", "SSL_CERT_DIR")
ADDRESS_HINT = "Correct the node's address in CHAINS_FILE (or the variable that it names), or take another node"
WAIT_HINT = "Wait, or add another node to CHAINS_FILE"

# What a status means for who set the node up, with what to do about it.
STATUS_WORDS = {
    401: ("does not know the key or password", ADDRESS_HINT),
    403: ("forbids it to this key or address", ADDRESS_HINT),
    404: ("has nothing at this path", ADDRESS_HINT),
    429: ("is asked more often than it allows", "Ask the node's operator for more requests, or add another node"),
}


class Unreachable(ChainUnavailable):
    """A node did not answer. `is_unsent`: the request certainly did not reach it.

    `status` is that of HTTP where there was one, `rest_s` for how long the node wants to be left alone.
    """

    def __init__(
        self, detail: str, *, is_unsent: bool, hint: str = "", status: int = 0, rest_s: float | None = None
    ) -> None:
        super().__init__(detail, hint=hint)
        self.is_unsent = is_unsent
        self.status = status
        self.rest_s = rest_s


class BadProxy(ValueError):
    """A variable of the environment about proxies or certificates that no client can be made with."""


class Reply(NamedTuple):
    """What came back: the status of HTTP and the body."""

    status: int
    body: bytes
    rest_s: float | None


class Transport:
    """Posts to one node, over connections that all threads share. Raises: BadProxy."""

    def __init__(self, address: NodeAddress, timeout_s: float) -> None:
        self._address = address
        self._timeout_s = timeout_s
        try:
            self._http = httpx.Client(
                auth=address.credentials,
                headers={
                    "Content-Type": "application/json",
                    "Accept-Encoding": "gzip",
                    "User-Agent": "order-execution-engine",
                },
                limits=httpx.Limits(keepalive_expiry=KEEP_OPEN_S),
                verify=_tls(),
            )
        except (httpx.InvalidURL, ImportError, OSError, ValueError) as error:
            # Not the text of the error: a proxy's address may hold a password.
            raise BadProxy(f"one of {', '.join(PROXY_VARIABLES)} cannot be used: {type(error).__name__}") from None

    def post(self, body: bytes) -> Reply:
        """The node's reply, of any status. Raises: Unreachable."""
        host, ends_at = self._address.host, time.monotonic() + min(self._timeout_s, left_s())
        wait_s = ends_at - time.monotonic()
        if wait_s <= 0:
            raise Unreachable(f"{host} was not asked: the time for it was over", is_unsent=True, hint=WAIT_HINT)
        timeout = httpx.Timeout(wait_s, connect=min(CONNECT_TIMEOUT_S, wait_s))
        try:
            with self._http.stream("POST", self._address.url, content=body, timeout=timeout) as response:
                return Reply(response.status_code, self._body(response, ends_at), _rest_s(response))
        except (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError) as error:
            is_unsent = isinstance(error, _UNSENT)
            raise Unreachable(f"{host} does not answer: {_kind(error)}", is_unsent=is_unsent) from error

    def _body(self, response: httpx.Response, ends_at: float) -> bytes:
        chunks, size = [], 0
        for chunk in _unpacked(response):
            size += len(chunk)
            if size > MAX_ANSWER_BYTES:
                detail = f"{self._address.host} answers with more than {MAX_ANSWER_BYTES} bytes"
                raise Unreachable(detail, is_unsent=False)
            if time.monotonic() > ends_at:
                raise httpx.ReadTimeout("the body is not complete in time")
            chunks.append(chunk)
        return b"".join(chunks)


@cache
def _tls() -> ssl.SSLContext:
    """Shared by all nodes: to load the certificates takes 45 ms."""
    return httpx.create_ssl_context()


def _unpacked(response: httpx.Response) -> Iterator[bytes]:
    """The body as it comes. By hand: httpx unpacks a whole chunk at once, as often as the headers say.

    Raises: httpx.DecodingError, for a coding that was not asked for too.
    """
    coding = response.headers.get("Content-Encoding", "").strip().lower()
    if coding in {"", "identity"}:
        yield from response.iter_raw()
        return
    if coding not in {"gzip", "x-gzip"}:
        raise httpx.DecodingError("only gzip was asked for")
    gzip, behind = zlib.decompressobj(GZIP), 0
    # To the end of the answer, also behind the packed body: else the connection cannot be used again.
    for packed in response.iter_raw():
        while packed and not gzip.eof:
            try:
                chunk = gzip.decompress(packed, CHUNK_BYTES)
            except zlib.error as error:
                raise httpx.DecodingError(str(error)) from None
            yield chunk
            packed = gzip.unconsumed_tail
        behind += len(packed) if gzip.eof else 0
        if behind > CHUNK_BYTES:
            raise httpx.DecodingError("the packed body has ended and the answer goes on")
        yield b""
    if not gzip.eof:
        raise httpx.DecodingError("the packed body is cut off")


def refused(host: str, reply: Reply) -> Unreachable:
    """A status that is no success, in words."""
    status = reply.status
    try:
        name = f"{status} {HTTPStatus(status).phrase}"
    except ValueError:
        name = str(status)
    if status in STATUS_WORDS:
        words, hint = STATUS_WORDS[status]
    elif 300 <= status < 400:
        words, hint = "is somewhere else", ADDRESS_HINT
    elif status >= 500:
        words, hint = "is in trouble itself", WAIT_HINT
    else:
        words, hint = "refuses the request", ADDRESS_HINT
    detail = f"{host} {words}: HTTP {name}"
    return Unreachable(detail, is_unsent=False, hint=hint, status=status, rest_s=reply.rest_s)


def _rest_s(response: httpx.Response) -> float | None:
    """Of `Retry-After`, which is seconds or a date.

    Source: https://www.rfc-editor.org/rfc/rfc9110#field.retry-after
    """
    text = response.headers.get("Retry-After", "").strip()
    if text.isascii() and text.isdigit():
        return float(text[:9])
    try:
        return max(0.0, parsedate_to_datetime(text).timestamp() - time.time())
    except (ValueError, TypeError, OverflowError):
        return None


def _kind(error: Exception) -> str:
    is_late = isinstance(error, httpx.ReadTimeout | httpx.WriteTimeout)
    return "it took too long" if is_late else type(error).__name__
