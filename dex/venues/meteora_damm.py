"""Meteora on Solana: its DAMM v2 pools, constant product inside a price range.

Source: https://docs.meteora.ag/core-products/damm-v2/fees/overview
"""

from dex.venues.base import Venue

METEORA_DAMM = Venue(name="meteora_damm", display_name="Meteora DAMM v2", pool_kind="meteora_damm_v2")
