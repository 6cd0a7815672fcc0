"""What the two drivers share: what httpx and websockets say, in the words of flows."""

import httpx
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus

from orderengine_client.account import Account
from orderengine_client.flows import Answer, Closed, Failure
from orderengine_client.reading import Reading
from orderengine_client.trading import Trading

# The request has not left: no connection, or no free one in time.
NOT_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)
# Why a socket cannot be opened.
NOT_OPEN = (OSError, EOFError, TimeoutError, InvalidHandshake)
OPEN_S, CLOSE_S = 15.0, 2.0
# A stream's message is at most an event with its route; a snapshot has 32 orders.
MOST_BYTES = 16 * 2**20


class Operations(Trading, Reading, Account):
    """All calls."""


def answer_of(answer: httpx.Response) -> Answer:
    """The whole of it."""
    return Answer(answer.status_code, {name.lower(): value for name, value in answer.headers.items()}, answer.content)


def failure_of(error: httpx.RequestError) -> Failure:
    """Why no answer came, and whether the request may have arrived."""
    return Failure(_words(error), is_sent=not isinstance(error, NOT_SENT))


def not_open(error: BaseException) -> Answer | Failure:
    """Why a socket is not open: the handshake's answer, or no connection."""
    if isinstance(error, InvalidStatus):
        return Answer(error.response.status_code, {}, bytes(error.response.body or b""))
    return Failure(_words(error), is_sent=False)


def closed_of(closed: ConnectionClosed) -> Closed:
    """How the server closed; 1006 where it did not."""
    return Closed(1006) if closed.rcvd is None else Closed(closed.rcvd.code, closed.rcvd.reason)


def text_of(message: str | bytes) -> str:
    """Messages are text; a binary one is read all the same."""
    return message if isinstance(message, str) else message.decode(errors="replace")


def _words(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}".rstrip(": ")
