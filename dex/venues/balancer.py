"""Balancer: weighted pools of two to eight tokens.

Source: https://docs.balancer.fi/concepts/explore-available-balancer-pools/weighted-pool/weighted-pool.html
"""

from dex.venues.base import Venue

BALANCER = Venue(name="balancer", display_name="Balancer", pool_kind="balancer_weighted")
