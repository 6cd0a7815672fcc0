"""Meteora on Solana: its dynamic liquidity pools.

Source: https://docs.meteora.ag
"""

from dex.venues.base import Venue

METEORA = Venue(name="meteora", display_name="Meteora DLMM", pool_kind="meteora_dlmm")
