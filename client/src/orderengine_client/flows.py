"""What calls and streams do, without doing it: generators that yield effects, which both clients carry out.

So the rules of retries and of resumed streams stand in one place, whether the caller's program is asynchronous or not.
"""

from collections.abc import Generator, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypeAlias, TypeVar

T = TypeVar("T")
Item = TypeVar("Item", covariant=True)


@dataclass(frozen=True, slots=True)
class Send:
    """An HTTP request, tried once; answered with an Answer or a Failure."""

    method: str
    path: str
    params: Mapping[str, Any] = field(default_factory=dict)
    # JSON of the body; None: no body.
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)
    timeout_s: float = 30.0


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer to a request. Names of headers are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Failure:
    """No answer. `is_sent` is False only where the request surely never left: the server has not seen it."""

    reason: str
    is_sent: bool


@dataclass(frozen=True, slots=True)
class Pause:
    """Wait; answered with None."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Open:
    """Open a WebSocket; answered with None, an Answer that refuses it, or a Failure."""

    path: str
    params: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Receive:
    """Wait for a message; answered with its text, a Closed, or None where none came in time."""

    timeout_s: float


@dataclass(frozen=True, slots=True)
class Closed:
    """The socket was closed; 1006: without a close frame."""

    code: int
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Say:
    """Send a message on the socket; answered with None. That it is closed the next Receive says."""

    text: str


@dataclass(frozen=True, slots=True)
class Shut:
    """Close the socket; answered with None."""


@dataclass(frozen=True, slots=True)
class Emit(Generic[Item]):
    """Hand an item to the caller; answered with None when the caller asks for the next one."""

    item: Item


Effect: TypeAlias = Send | Pause | Open | Receive | Say | Shut
# The replies to effects are of several types: a flow narrows each.
Flow: TypeAlias = Generator[Effect, Any, T]
ItemFlow: TypeAlias = Generator[Effect | Emit[T], Any, None]
