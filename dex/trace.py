"""What a batch was routed on, kept so that it can be routed again: `Engine.route` fills it where it is asked for."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from dex.costs import Costs, FeeStrategy
from dex.pools import Pool
from dex.types import Quote, Route, SwapRequest


class TracedMarket(NamedTuple):
    """The market before the first request: its pools by id in order, its block and time, and what transactions cost."""

    version: int
    time: int
    costs: Mapping[FeeStrategy, Costs]
    pools: tuple[Pool, ...]


@dataclass(slots=True)
class TracedRequest:
    """One request as the router was asked it, and its answer; None where it was refused.

    `is_applied`: requests after it saw the market as its route leaves it. `checked_costs` is what the most costs of
    routes were, in the order in which the search asked; it asks only where the request limits its network fee.
    `ended_after` is how many checks of its time the search had passed when that was over; None: it was not.
    """

    request: SwapRequest
    quote: Quote | None = None
    is_applied: bool = False
    ended_after: int | None = None
    checked_costs: list[int] = field(default_factory=list)

    def noting(self, most_cost: Callable[[Route], int]) -> Callable[[Route], int]:
        """The same function, whose answers are kept."""

        def ask(route: Route) -> int:
            cost = most_cost(route)
            self.checked_costs.append(cost)
            return cost

        return ask


@dataclass(slots=True)
class RoutingTrace:
    """Of one batch, its requests in their order. Empty where there was no market."""

    market: TracedMarket | None = None
    requests: list[TracedRequest] = field(default_factory=list)
