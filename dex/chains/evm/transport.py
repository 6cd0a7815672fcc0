"""One HTTP request to a node, bounded in time and in size. Nothing is ever repeated here.

What goes wrong becomes an `Unreachable` in words that name the host alone.
"""

import time
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import NamedTuple

from eth_typing import URI
from requests import Response
from requests.exceptions import ConnectionError as RequestsConnectionError
from requests.exceptions import ConnectTimeout, ReadTimeout, RequestException
from urllib3.exceptions import HTTPError, NewConnectionError, ReadTimeoutError
from web3.providers.rpc import HTTPProvider

from dex.chains.evm.node_address import NodeAddress
from dex.deadline import left_s
from dex.errors import ChainUnavailable

CONNECT_TIMEOUT_S = 3.0
# Unpacked. The largest answers, the ticks of a market, have some megabytes.
MAX_ANSWER_BYTES = 64_000_000
CHUNK_BYTES = 65_536
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


class Reply(NamedTuple):
    """What came back: the status of HTTP and the body."""

    status: int
    body: bytes
    rest_s: float | None


class Transport(HTTPProvider):
    """web3's sessions, one per thread; requests and answers are made and read here."""

    def __init__(self, address: NodeAddress, timeout_s: float) -> None:
        # The provider's own retries turn a late answer into "nonce too low" for a transaction that was mined.
        super().__init__(address.url, exception_retry_configuration=None)
        self._address = address
        self._timeout_s = timeout_s
        given = address.credentials
        self._auth = (given[0].encode(), given[1].encode()) if given else None

    def post(self, body: bytes) -> Reply:
        """The node's reply, whatever its status. Raises: Unreachable."""
        host, ends_at = self._address.host, time.monotonic() + min(self._timeout_s, left_s())
        wait_s = ends_at - time.monotonic()
        if wait_s <= 0:
            raise Unreachable(f"{host} was not asked: the time for it was over", is_unsent=True, hint=WAIT_HINT)
        try:
            with self._request_session_manager.get_response_from_post_request(
                URI(self._address.url),
                data=body,
                headers=self.get_request_headers(),
                auth=self._auth,
                timeout=(min(CONNECT_TIMEOUT_S, wait_s), wait_s),
                allow_redirects=False,
                stream=True,
            ) as response:
                return Reply(response.status_code, self._body(response, ends_at), _rest_s(response))
        except (RequestException, HTTPError, OSError, ValueError) as error:
            raise Unreachable(f"{host} does not answer: {_kind(error)}", is_unsent=_is_unsent(error)) from error

    def _body(self, response: Response, ends_at: float) -> bytes:
        chunks, size = [], 0
        # As it comes: a read of a whole chunk would wait for the next byte again and again.
        while chunk := response.raw.read1(CHUNK_BYTES, decode_content=True):
            size += len(chunk)
            if size > MAX_ANSWER_BYTES:
                detail = f"{self._address.host} answers with more than {MAX_ANSWER_BYTES} bytes"
                raise Unreachable(detail, is_unsent=False)
            if time.monotonic() > ends_at:
                raise ReadTimeout
            chunks.append(chunk)
        return b"".join(chunks)


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


def _rest_s(response: Response) -> float | None:
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
    is_late = isinstance(error, ReadTimeout | ReadTimeoutError)
    return "it took too long" if is_late else type(error).__name__


def _is_unsent(error: Exception) -> bool:
    """Whether no connection came about at all."""
    if isinstance(error, ConnectTimeout):
        return True
    reason = getattr(error.args[0], "reason", None) if error.args else None
    return isinstance(error, RequestsConnectionError) and isinstance(reason, NewConnectionError)
