"""Raydium on Solana: its constant product pools.

Source: https://docs.raydium.io
"""

from dex.venues.base import Venue

RAYDIUM = Venue(name="raydium", display_name="Raydium CPMM", pool_kind="raydium_cpmm")
