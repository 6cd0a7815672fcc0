"""Venues: named deployments of a protocol. A pool whose venue has no row here is never routed through."""

from dataclasses import dataclass
from typing import Final

from dex.pools import Pool


@dataclass(frozen=True, slots=True)
class Venue:
    """One deployment of a protocol.

    `name` is the stable id in requests and routes, `display_name` what people read, `pool_kind` the arithmetic of its
    pools, `documentation` the protocol's own.
    """

    name: str
    display_name: str
    pool_kind: str
    documentation: str

    def lists(self, pool: Pool) -> bool:
        """Whether a pool of a chain's snapshot is the venue's own: under its name and of the kind it can swap."""
        return pool.venue == self.name and pool.kind == self.pool_kind


_UNISWAP: Final = "https://docs.uniswap.org/contracts"
_BALANCER: Final = "https://docs.balancer.fi/concepts/explore-available-balancer-pools"

# A chain's own token and the contract that wraps it: one for one and without a fee.
WRAPPING: Final = Venue("wrapping", "Wrapping", "bins", f"{_UNISWAP}/v3/reference/deployments")

VENUES: Final[dict[str, Venue]] = {
    venue.name: venue
    for venue in (
        Venue("balancer", "Balancer", "balancer_weighted", f"{_BALANCER}/weighted-pool/weighted-pool.html"),
        Venue(
            "curve", "Curve", "curve_stableswap_ng", "https://docs.curve.finance/developer/integration/stableswap-ng"
        ),
        Venue("meteora", "Meteora DLMM", "meteora_dlmm", "https://docs.meteora.ag"),
        Venue(
            "meteora_damm",
            "Meteora DAMM v2",
            "meteora_damm_v2",
            "https://docs.meteora.ag/core-products/damm-v2/fees/overview",
        ),
        Venue(
            "orca", "Orca Whirlpool", "orca_whirlpool", "https://docs.orca.so/developers/architecture/price-and-ticks"
        ),
        Venue("pancake_v2", "PancakeSwap V2", "uniswap_v2", "https://docs.pancakeswap.finance/"),
        Venue("pancake_v3", "PancakeSwap V3", "uniswap_v3", "https://docs.pancakeswap.finance/"),
        Venue("raydium", "Raydium CPMM", "raydium_cpmm", "https://docs.raydium.io"),
        Venue("sushiswap_v2", "SushiSwap V2", "uniswap_v2", "https://docs.sushi.com/"),
        Venue("uniswap_v2", "Uniswap V2", "uniswap_v2", f"{_UNISWAP}/v2/overview"),
        Venue("uniswap_v3", "Uniswap V3", "uniswap_v3", f"{_UNISWAP}/v3/overview"),
        WRAPPING,
    )
}
