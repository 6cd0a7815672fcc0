"""SushiSwap V2: constant product pairs.

Source: https://docs.sushi.com/
"""

from dex.venues.base import Venue

SUSHISWAP_V2 = Venue(name="sushiswap_v2", display_name="SushiSwap V2", pool_kind="uniswap_v2")
