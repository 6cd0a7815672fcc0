"""Uniswap V3: liquidity between ticks, several fee tiers for one pair.

Source: https://docs.uniswap.org/contracts/v3/overview
"""

from dex.venues.base import Venue

UNISWAP_V3 = Venue(name="uniswap_v3", display_name="Uniswap V3", pool_kind="uniswap_v3")
