"""Market order: execute at once at the best price within the guards, whole or not at all."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from orders.problems import Problem


@dataclass(frozen=True, slots=True)
class Market:
    """Routes are atomic, so `ioc` and `fok` mean the same; `gtd` adds the time after which it must not execute."""

    name: str = "market"

    def check(self, extra: Mapping[str, Any], has_expiry: bool) -> Problem | None:
        """A time limit needs `gtd`, and `gtd` needs a time limit."""
        if (extra["time_in_force"] == "gtd") != has_expiry:
            return Problem(
                "time_in_force", "gtd and expires_at go together, for one without the other there is no meaning"
            )
        return None
