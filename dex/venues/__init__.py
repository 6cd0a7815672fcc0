"""Venues: one file each. A pool whose venue is not listed here is never routed through."""

from dex.venues.balancer import BALANCER
from dex.venues.base import Venue
from dex.venues.curve import CURVE
from dex.venues.meteora import METEORA
from dex.venues.meteora_damm import METEORA_DAMM
from dex.venues.orca import ORCA
from dex.venues.pancake_v2 import PANCAKE_V2
from dex.venues.pancake_v3 import PANCAKE_V3
from dex.venues.raydium import RAYDIUM
from dex.venues.sushiswap_v2 import SUSHISWAP_V2
from dex.venues.uniswap_v2 import UNISWAP_V2
from dex.venues.uniswap_v3 import UNISWAP_V3
from dex.venues.wrapping import WRAPPING

VENUES: dict[str, Venue] = {
    venue.name: venue
    for venue in (
        BALANCER,
        CURVE,
        METEORA,
        METEORA_DAMM,
        ORCA,
        PANCAKE_V2,
        PANCAKE_V3,
        RAYDIUM,
        SUSHISWAP_V2,
        UNISWAP_V2,
        UNISWAP_V3,
        WRAPPING,
    )
}

__all__ = ["VENUES", "Venue"]
