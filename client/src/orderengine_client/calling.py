"""What every group of calls has: how often to try, and how a request becomes a value."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol, TypeVar
from urllib.parse import parse_qs, urlsplit

from orderengine_client.errors import UnexpectedAnswerError
from orderengine_client.flows import Emit, Flow, ItemFlow, Send
from orderengine_client.retries import Repeat, Retries, call, raw, send

T = TypeVar("T")
Row = TypeVar("Row", covariant=True)
API = "/api/v1"


class Page(Protocol[Row]):
    """Some rows of a list, and the link to those after them."""

    @property
    def results(self) -> Sequence[Row]:
        """In the order of the list."""

    @property
    def next_(self) -> str | None:
        """None: these were the last."""


class Calls:
    """A group of calls."""

    def __init__(self, retries: Retries) -> None:
        self.retries = retries

    def _call(self, request: Send, parse: Callable[[Any], T], repeat: Repeat = Repeat.ALWAYS) -> Flow[T]:
        return call(request, parse, self.retries, repeat)

    def _bytes(self, request: Send) -> Flow[bytes]:
        told = yield from send(request, self.retries)
        return raw(told.answer)

    def _pages(self, path: str, params: Mapping[str, Any], parse: Callable[[Any], Page[T]]) -> ItemFlow[T]:
        """The rows of all pages from one on."""
        while True:
            page = yield from self._call(Send("GET", path, params), parse)
            for row in page.results:
                yield Emit(row)
            if page.next_ is None:
                return
            # The link may name another host than the caller knows the engine by.
            params = {**params, "cursor": _cursor_in(page.next_)}


def _cursor_in(link: str) -> str:
    """Raises: UnexpectedAnswerError."""
    cursors = parse_qs(urlsplit(link).query).get("cursor", [])
    if len(cursors) != 1:
        raise UnexpectedAnswerError(f"the link to the next page has no cursor: {link[:200]}")
    return cursors[0]
