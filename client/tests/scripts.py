"""Runs flows against replies that a test states, on a clock of the test's own."""

import json
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from orderengine_client import account_stream, following, retries, sockets
from orderengine_client.flows import Answer, Closed, Effect, Emit, Failure, Open, Pause, Receive, Say, Send

LOST = Failure("ReadError: lost", is_sent=True)
REFUSED = Failure("ConnectError: refused", is_sent=False)
OPENED = "opened"


class Script:
    """Replies in their order to what is sent, opened and received; waits take no time."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 1000.0
        self.effects: list[Effect] = []
        clock = SimpleNamespace(monotonic=lambda: self.now)
        for module in (account_stream, following, retries, sockets):
            monkeypatch.setattr(module, "time", clock)
        # The longest wait of each full jitter.
        monkeypatch.setattr(retries, "random", SimpleNamespace(uniform=lambda least, most: most))

    def run(self, flow: Any, *replies: Any) -> Any:
        """What the flow returns. Raises: what it raises; AssertionError where replies are left over."""
        return self._drive(flow, iter(replies), [])

    def items(self, flow: Any, *replies: Any, most: int = 1000) -> list[Any]:
        """What it emits, up to so many items."""
        items: list[Any] = []
        self._drive(flow, iter(replies), items, most)
        return items

    @property
    def sent(self) -> list[Send]:
        return [effect for effect in self.effects if isinstance(effect, Send)]

    @property
    def opened(self) -> list[Open]:
        return [effect for effect in self.effects if isinstance(effect, Open)]

    @property
    def said(self) -> list[Any]:
        return [json.loads(effect.text) for effect in self.effects if isinstance(effect, Say)]

    @property
    def pauses(self) -> list[float]:
        return [effect.seconds for effect in self.effects if isinstance(effect, Pause)]

    def _drive(self, flow: Any, replies: Iterator[Any], items: list[Any], most: int = 1000) -> Any:
        self.effects, reply = [], None
        try:
            while True:
                effect = flow.send(reply)
                if isinstance(effect, Emit):
                    items.append(effect.item)
                    reply = None
                    if len(items) == most:
                        return None
                else:
                    self.effects.append(effect)
                    reply = self._reply(effect, replies)
        except StopIteration as done:
            assert list(replies) == []
            return done.value

    def _reply(self, effect: Effect, replies: Iterator[Any]) -> Any:
        if isinstance(effect, Pause):
            self.now += effect.seconds
            return None
        if isinstance(effect, Send | Open | Receive):
            reply = next(replies)
            if isinstance(reply, Seconds):
                self.now += reply.seconds
                reply = reply.then
            if isinstance(effect, Receive) and reply is None:
                self.now += effect.timeout_s
            if reply == OPENED:
                return None
            return json.dumps(reply) if isinstance(effect, Receive) and isinstance(reply, dict) else reply
        return None


class Seconds:
    """A reply that takes time."""

    def __init__(self, seconds: float, then: Any) -> None:
        self.seconds, self.then = seconds, then


def answer(status: int, body: Any = None, **headers: str) -> Answer:
    """An HTTP answer."""
    return Answer(status, {name.replace("_", "-"): value for name, value in headers.items()}, json.dumps(body).encode())


def problem(status: int, code: str, /, retry_after: str = "", **members: Any) -> Answer:
    """A refusal."""
    headers = {"retry_after": retry_after} if retry_after else {}
    return answer(status, {"code": code, "status": status, "title": code, "detail": "why", **members}, **headers)


def closed(code: int) -> Closed:
    """A close."""
    return Closed(code)
