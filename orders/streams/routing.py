"""WebSocket paths, and when a process begins to listen for events."""

from collections.abc import Awaitable, Callable
from typing import Any

from django.urls import re_path

from orders.streams.account_consumer import StreamConsumer
from orders.streams.feed import get_feed
from orders.streams.order_consumer import NowhereConsumer, OrderConsumer

# Any last segment is let in, so that a malformed id gets a close code of its own and not a bare 404.
websocket_urlpatterns: list[Any] = [
    re_path(r"^orders/(?P<order_id>[^/]*)/?$", OrderConsumer.as_asgi()),  # type: ignore[arg-type]
    re_path(r"^ws/v1/stream/?$", StreamConsumer.as_asgi()),  # type: ignore[arg-type]
    re_path(r"", NowhereConsumer.as_asgi()),  # type: ignore[arg-type]
]

Application = Callable[[Any, Any, Any], Awaitable[None]]


def listening(application: Application) -> Application:
    """The ASGI application, but that its process listens for events from the first request on, before any socket."""

    async def serve(scope: Any, receive: Any, send: Any) -> None:
        get_feed().listen()
        await application(scope, receive, send)

    return serve
