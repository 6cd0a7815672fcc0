"""Curve: StableSwap NG pools of tokens that should cost the same.

Source: https://docs.curve.finance/developer/integration/stableswap-ng
"""

from dex.venues.base import Venue

CURVE = Venue(name="curve", display_name="Curve", pool_kind="curve_stableswap_ng")
