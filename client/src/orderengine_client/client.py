"""The client for programs that wait: carries out flows with httpx and websockets."""

import time
from collections.abc import Callable, Generator
from contextlib import ExitStack, suppress
from functools import wraps
from types import TracebackType
from typing import Any, Concatenate, ParamSpec, Self, TypeVar

import httpx
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from orderengine_client.address import Address
from orderengine_client.flows import (
    Answer,
    Closed,
    Effect,
    Emit,
    Failure,
    Flow,
    ItemFlow,
    Open,
    Pause,
    Receive,
    Say,
    Send,
)
from orderengine_client.retries import Retries
from orderengine_client.wire import (
    CLOSE_S,
    MOST_BYTES,
    NOT_OPEN,
    OPEN_S,
    Operations,
    answer_of,
    closed_of,
    failure_of,
    not_open,
    text_of,
)

P = ParamSpec("P")
T = TypeVar("T")


class _Runner:
    """Carries out the effects of one flow; holds its socket."""

    def __init__(self, address: Address, http: httpx.Client) -> None:
        self._address, self._http, self._stack = address, http, ExitStack()
        self._socket: ClientConnection | None = None

    def perform(self, effect: Effect) -> Any:
        """The reply to an effect."""
        if isinstance(effect, Send):
            return self._send(effect)
        if isinstance(effect, Pause):
            return time.sleep(effect.seconds)
        if isinstance(effect, Open):
            return self._open(effect)
        if isinstance(effect, Receive):
            return self._receive(effect)
        if isinstance(effect, Say):
            return self._say(effect.text)
        return self.close()

    def close(self) -> None:
        """Leave the socket."""
        self._socket = None
        self._stack.close()

    def _send(self, request: Send) -> Answer | Failure:
        try:
            return answer_of(self._http.request(**self._address.http(request)))
        except httpx.RequestError as error:
            return failure_of(error)

    def _open(self, address: Open) -> Answer | Failure | None:
        self.close()
        try:
            opened = connect(
                self._address.websocket(address),
                additional_headers=self._address.headers,
                user_agent_header=None,
                open_timeout=OPEN_S,
                close_timeout=CLOSE_S,
                max_size=MOST_BYTES,
            )
            self._socket = self._stack.enter_context(opened)
        except NOT_OPEN as error:
            return not_open(error)
        return None

    def _receive(self, wanted: Receive) -> str | Closed | None:
        if self._socket is None:
            return Closed(1006)
        try:
            return text_of(self._socket.recv(timeout=wanted.timeout_s))
        except TimeoutError:
            return None
        except ConnectionClosed as closed:
            return closed_of(closed)

    def _say(self, text: str) -> None:
        if self._socket is not None:
            with suppress(ConnectionClosed):
                self._socket.send(text)


def _call(operation: Callable[Concatenate[Any, P], Flow[T]]) -> Callable[Concatenate["Client", P], T]:
    """A call that waits for its answer."""

    @wraps(operation)
    def run(client: "Client", /, *args: P.args, **kwargs: P.kwargs) -> T:
        return client._run(operation(client._operations, *args, **kwargs))

    return run


def _items(
    operation: Callable[Concatenate[Any, P], ItemFlow[T]],
) -> Callable[Concatenate["Client", P], Generator[T, None, None]]:
    """A call whose items come one by one."""

    @wraps(operation)
    def run(client: "Client", /, *args: P.args, **kwargs: P.kwargs) -> Generator[T, None, None]:
        return client._iterate(operation(client._operations, *args, **kwargs))

    return run


class Client:
    """Calls and streams of one engine, for one account. Threads may share it.

    Without arguments the address is ORDER_ENGINE_URL or http://localhost:3000, and the key ORDER_ENGINE_API_KEY.
    """

    def __init__(self, url: str | None = None, api_key: str | None = None, *, retries: Retries | None = None) -> None:
        self._address = Address.of(url, api_key)
        self._operations = Operations(retries or Retries())
        self._http = httpx.Client(headers=self._address.headers)

    def __repr__(self) -> str:
        return f"Client({self._address.url!r})"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close idle connections."""
        self._http.close()

    quote = _call(Operations.quote)
    quote_curve = _call(Operations.quote_curve)
    place = _call(Operations.place)
    dry_run = _call(Operations.dry_run)
    place_many = _call(Operations.place_many)
    get = _call(Operations.get)
    by_client_id = _call(Operations.by_client_id)
    list = _items(Operations.list)
    cancel = _call(Operations.cancel)
    cancel_many = _call(Operations.cancel_many)
    replace = _call(Operations.replace)
    events = _call(Operations.events)
    account_events = _call(Operations.account_events)
    follow = _items(Operations.follow)
    stream = _items(Operations.stream)
    wait = _call(Operations.wait)
    quotes = _items(Operations.quotes)
    explain = _call(Operations.explain)
    execution = _call(Operations.execution)
    report = _call(Operations.report)
    report_csv = _call(Operations.report_csv)
    recent = _call(Operations.recent)
    prices = _call(Operations.prices)
    receipt = _call(Operations.receipt)
    snapshot = _call(Operations.snapshot)
    replay = _call(Operations.replay)
    venues = _call(Operations.venues)
    tokens = _call(Operations.tokens)
    wallets = _call(Operations.wallets)
    me = _call(Operations.me)
    halts = _call(Operations.halts)
    halt = _call(Operations.halt)
    resume = _call(Operations.resume)
    deadman = _call(Operations.deadman)
    deadman_state = _call(Operations.deadman_state)
    disarm_deadman = _call(Operations.disarm_deadman)
    webhooks = _call(Operations.webhooks)
    webhook = _call(Operations.webhook)
    create_webhook = _call(Operations.create_webhook)
    change_webhook = _call(Operations.change_webhook)
    delete_webhook = _call(Operations.delete_webhook)
    test_webhook = _call(Operations.test_webhook)
    rotate_webhook_secret = _call(Operations.rotate_webhook_secret)
    webhook_deliveries = _items(Operations.webhook_deliveries)
    redeliver_webhook = _call(Operations.redeliver_webhook)
    redeliver_webhook_after = _call(Operations.redeliver_webhook_after)

    def _run(self, flow: Flow[T]) -> T:
        runner = _Runner(self._address, self._http)
        try:
            effect = next(flow)
            while True:
                effect = flow.send(runner.perform(effect))
        except StopIteration as done:
            value: T = done.value
            return value
        finally:
            runner.close()

    def _iterate(self, flow: ItemFlow[T]) -> Generator[T, None, None]:
        runner, reply = _Runner(self._address, self._http), None
        try:
            while True:
                effect = flow.send(reply)
                if isinstance(effect, Emit):
                    yield effect.item
                    reply = None
                else:
                    reply = runner.perform(effect)
        except StopIteration:
            return
        finally:
            runner.close()
