"""Finds routes: pools in, a guarded quote out; no I/O."""

from dex.router.market import Market
from dex.router.prices import market_prices
from dex.router.quote import Routed, find_route
from dex.router.time_limit import UNLIMITED, TimeLimit

__all__ = ["UNLIMITED", "Market", "Routed", "TimeLimit", "find_route", "market_prices"]
