"""WebSocket paths."""

from typing import Any

from django.urls import re_path

from orders.streams.account_consumer import StreamConsumer
from orders.streams.order_consumer import NowhereConsumer, OrderConsumer

# Any last segment is let in, so that a malformed id gets a close code of its own and not a bare 404.
websocket_urlpatterns: list[Any] = [
    re_path(r"^orders/(?P<order_id>[^/]*)/?$", OrderConsumer.as_asgi()),  # type: ignore[arg-type]
    re_path(r"^ws/v1/stream/?$", StreamConsumer.as_asgi()),  # type: ignore[arg-type]
    re_path(r"", NowhereConsumer.as_asgi()),  # type: ignore[arg-type]
]
