"""Wrapping: a chain's own token and the contract that wraps it, one for one and without a fee.

Source: https://docs.uniswap.org/contracts/v3/reference/deployments
"""

from dex.venues.base import Venue

WRAPPING = Venue(name="wrapping", display_name="Wrapping", pool_kind="bins")
