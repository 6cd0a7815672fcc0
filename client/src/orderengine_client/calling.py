"""What every group of calls has: how often to try, and how a request becomes a value."""

from collections.abc import Callable
from typing import Any, TypeVar

from orderengine_client.flows import Flow, Send
from orderengine_client.retries import Repeat, Retries, call, raw, send

T = TypeVar("T")
API = "/api/v1"


class Calls:
    """A group of calls."""

    def __init__(self, retries: Retries) -> None:
        self.retries = retries

    def _call(self, request: Send, parse: Callable[[Any], T], repeat: Repeat = Repeat.ALWAYS) -> Flow[T]:
        return call(request, parse, self.retries, repeat)

    def _bytes(self, request: Send) -> Flow[bytes]:
        told = yield from send(request, self.retries)
        return raw(told.answer)
