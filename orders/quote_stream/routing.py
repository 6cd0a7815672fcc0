"""All WebSocket paths: those that only read rows, and the quote stream."""

from typing import Any

from django.urls import re_path

from orders.quote_stream.consumer import QuoteConsumer
from orders.streams.routing import websocket_urlpatterns as read_patterns

# First: the last of the others takes any address.
websocket_urlpatterns: list[Any] = [
    re_path(r"^ws/v1/quotes/?$", QuoteConsumer.as_asgi()),  # type: ignore[arg-type]
    *read_patterns,
]
