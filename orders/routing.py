"""WebSocket paths."""

from typing import Any

from django.urls import re_path

from orders.consumers import NowhereConsumer, OrderConsumer
from orders.stream_consumer import StreamConsumer

# Any last segment is let in, so that a malformed id gets a close code of its own and not a bare 404.
websocket_urlpatterns: list[Any] = [
    re_path(r"^orders/(?P<order_id>[^/]*)/?$", OrderConsumer.as_asgi()),  # type: ignore[arg-type]
    re_path(r"^ws/v1/stream/?$", StreamConsumer.as_asgi()),  # type: ignore[arg-type]
    re_path(r"", NowhereConsumer.as_asgi()),  # type: ignore[arg-type]
]
