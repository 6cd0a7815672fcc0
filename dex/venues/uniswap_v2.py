"""Uniswap V2: constant product pairs.

Source: https://docs.uniswap.org/contracts/v2/overview
"""

from dex.venues.base import Venue

UNISWAP_V2 = Venue(name="uniswap_v2", display_name="Uniswap V2", pool_kind="uniswap_v2")
