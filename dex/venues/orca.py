"""Orca on Solana: Whirlpools, liquidity between ticks.

Source: https://docs.orca.so/developers/architecture/price-and-ticks
"""

from dex.venues.base import Venue

ORCA = Venue(name="orca", display_name="Orca Whirlpool", pool_kind="orca_whirlpool")
