"""The interface of an order type: when it may execute. Pure functions of the terms."""

from collections.abc import Mapping
from typing import Any, Protocol

from orders.problems import Problem


class OrderType(Protocol):
    """One way to say when an order may execute."""

    @property
    def name(self) -> str: ...

    def check(self, extra: Mapping[str, Any], has_expiry: bool) -> Problem | None:
        """Why these terms make no sense for this type, or None."""
        ...
