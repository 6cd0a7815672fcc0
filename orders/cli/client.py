"""Talks to a running server as any client would; knows nothing of the database."""

import json
from collections.abc import AsyncIterator, Mapping
from typing import Any

import httpx
from websockets.asyncio.client import connect
from websockets.exceptions import WebSocketException

TIMEOUT_S = 10.0


class ServerError(Exception):
    """The server could not be reached or refused; the message says what to do."""


# The request did not leave; after any other error it may have been carried out.
_UNSENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.UnsupportedProtocol)


def _no_answer(url: str, method: str, error: httpx.TransportError) -> str:
    name = type(error).__name__
    if isinstance(error, _UNSENT):
        return f"No engine answers at {url} ({name}). Start one: `make run`, or name it: --url"
    if method == "GET":
        return f"{url} did not answer ({name})"
    return f"{url} did not answer ({name}): what was asked for may be stored or not. See first: manage.py orders list"


def _words(problem: dict[str, Any], status: int) -> str:
    """A problem in a line, with the orders to look up where it is unknown whether they are stored."""
    hint = f" Next: {problem['try']}." if problem.get("try") else ""
    ids = (problem.get("facts") or {}).get("order_ids") or []
    named = f" Orders: {', '.join(ids)}." if ids else ""
    return f"{problem.get('title', status)}: {problem.get('detail', '').rstrip('.')}.{hint}{named}"


def _no_json(url: str, status: int) -> str:
    """A server in trouble, or a proxy before it, answers in HTML: that says nothing against what is behind it."""
    if status >= 500:
        return f"{url} answered {status} without saying why: the log of the engine, or of what is before it, does"
    return f"{url} is no order engine: it answered {status} without JSON"


class EngineClient:
    """One server, one key."""

    def __init__(self, url: str, api_key: str = "") -> None:
        self.url = url.rstrip("/")
        self._headers = {"Authorization": f"Bearer {api_key}"} if api_key else {}

    def call(self, method: str, path: str, body: Any = None) -> Any:
        """One REST call under /api/v1. Raises: ServerError with the problem's own words."""
        return self._ask(method, path, body, {})

    def file(self, path: str) -> bytes:
        """What a GET of any path answers, byte by byte. Raises: ServerError with the problem's own words."""
        try:
            answer = httpx.get(f"{self.url}{path}", headers=self._headers, timeout=TIMEOUT_S)
        except httpx.TransportError as error:
            raise ServerError(_no_answer(self.url, "GET", error)) from error
        if answer.status_code < 400:
            return answer.content
        try:
            raise ServerError(_words(answer.json(), answer.status_code))
        except ValueError:
            raise ServerError(_no_json(self.url, answer.status_code)) from None

    def patch(self, path: str, body: Any, version: int) -> Any:
        """The same for a PATCH of what the caller has read as this version."""
        return self._ask("PATCH", path, body, {"If-Match": f'"{version}"'})

    def _ask(self, method: str, path: str, body: Any, headers: Mapping[str, str]) -> Any:
        try:
            answer = httpx.request(
                method,
                f"{self.url}/api/v1/{path}",
                json=body,
                headers={**self._headers, **headers},
                timeout=TIMEOUT_S,
            )
        except httpx.TransportError as error:
            raise ServerError(_no_answer(self.url, method, error)) from error
        try:
            parsed = answer.json()
        except ValueError as error:
            raise ServerError(_no_json(self.url, answer.status_code)) from error
        if not isinstance(parsed, dict):
            raise ServerError(_no_json(self.url, answer.status_code))
        if answer.status_code >= 400:
            raise ServerError(_words(parsed, answer.status_code))
        return parsed

    async def follow(self, order_id: str) -> AsyncIterator[dict[str, Any]]:
        """Every event of the order from the first on. Raises: ServerError."""
        address = f"{self.url.replace('http', 'ws', 1)}/orders/{order_id}?after=0"
        try:
            async with connect(address, additional_headers=self._headers, open_timeout=TIMEOUT_S) as socket:
                async for message in socket:
                    event: dict[str, Any] = json.loads(message)
                    if event["type"] == "error":
                        problem = event["problem"]
                        raise ServerError(f"{problem['title']}: {problem['detail']}")
                    if event["type"] == "event":
                        yield event
                        if event["outcome"] is not None:
                            return
        except (OSError, WebSocketException) as error:
            raise ServerError(f"the socket of order {order_id} broke: {error}") from error
