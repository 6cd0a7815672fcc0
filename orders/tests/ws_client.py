"""A client of the WebSockets, in this process."""

import asyncio
import json
from typing import Any, Self

from channels.routing import URLRouter
from channels.testing import WebsocketCommunicator

from orders.quote_stream.routing import websocket_urlpatterns

# Until what must come is missing. Nothing waits so long but for a fault.
PATIENCE_S = 30


class Socket:
    """A client on one address."""

    def __init__(self, address: str, **headers: str) -> None:
        raw = [(name.encode(), value.encode()) for name, value in headers.items()]
        self.ws = WebsocketCommunicator(URLRouter(websocket_urlpatterns), address, headers=raw)

    async def __aenter__(self) -> "Socket":
        assert (await self.ws.connect(timeout=PATIENCE_S))[0]
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.ws.disconnect()

    async def next(self) -> Any:
        return json.loads(await self.ws.receive_from(timeout=PATIENCE_S))

    async def until_close(self) -> tuple[list[Any], int]:
        messages: list[Any] = []
        while True:
            output = await self.ws.receive_output(timeout=PATIENCE_S)
            if output["type"] == "websocket.close":
                return messages, output["code"]
            messages.append(json.loads(output["text"]))


class Stream:
    """A client of a stream of its account, by a key or a ticket."""

    path = "/ws/v1/stream"

    def __init__(self, key: str = "", query: str = "", subprotocols: list[str] | None = None, **headers: str) -> None:
        if key:
            headers["authorization"] = f"Bearer {key}"
        raw = [(name.encode(), value.encode()) for name, value in headers.items()]
        self.ws = WebsocketCommunicator(
            URLRouter(websocket_urlpatterns), f"{self.path}{query}", headers=raw, subprotocols=subprotocols
        )
        self.subprotocol: Any = None

    async def __aenter__(self) -> Self:
        connected, self.subprotocol = await self.ws.connect(timeout=PATIENCE_S)
        assert connected
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.ws.disconnect()

    async def next(self, kind: str = "") -> Any:
        """The next message, or the next of a kind. Heartbeats do not make it wait longer."""
        async with asyncio.timeout(PATIENCE_S):
            while True:
                message = json.loads(await self.ws.receive_from(timeout=PATIENCE_S))
                if not kind or message["type"] == kind:
                    return message

    async def send(self, **frame: Any) -> None:
        await self.ws.send_to(text_data=json.dumps(frame))

    async def close_code(self) -> tuple[list[Any], int]:
        messages: list[Any] = []
        while True:
            output = await self.ws.receive_output(timeout=PATIENCE_S)
            if output["type"] == "websocket.close":
                return messages, output["code"]
            messages.append(json.loads(output["text"]))
