"""PancakeSwap V3: liquidity between ticks, several fee tiers for one pair.

Source: https://docs.pancakeswap.finance/
"""

from dex.venues.base import Venue

PANCAKE_V3 = Venue(name="pancake_v3", display_name="PancakeSwap V3", pool_kind="uniswap_v3")
