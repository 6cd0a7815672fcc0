"""PancakeSwap V2: constant product pairs.

Source: https://docs.pancakeswap.finance/
"""

from dex.venues.base import Venue

PANCAKE_V2 = Venue(name="pancake_v2", display_name="PancakeSwap V2", pool_kind="uniswap_v2")
