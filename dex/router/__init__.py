"""Finds routes: pools in, a guarded quote out; no I/O. A better search replaces `search.py` behind `find_route`."""

from dex.router.market import Market
from dex.router.quote import Routed, find_route

__all__ = ["Market", "Routed", "find_route"]
