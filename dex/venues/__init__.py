"""Venues: one file each. A pool whose venue is not listed here is never routed through."""

from dex.venues.base import Venue
from dex.venues.meteora import METEORA
from dex.venues.raydium import RAYDIUM

VENUES: dict[str, Venue] = {venue.name: venue for venue in (METEORA, RAYDIUM)}

__all__ = ["VENUES", "Venue"]
