"""The domain's front door: everything that code outside `dex` may import, apart from the chain adapters.

`dex` holds pure values and exact arithmetic, and adapters to chains; it knows no web framework, queue or database.
"""

from dex.chains.base import Chain, Snapshot
from dex.engine import Engine
from dex.errors import (
    AmountTooSmall,
    BroadcastRejected,
    BroadcastTimeout,
    ChainUnavailable,
    DexError,
    InsufficientFunds,
    InsufficientLiquidity,
    LimitNotMet,
    NoRoute,
    PriceImpactExceeded,
    RetryableError,
    SigningRefused,
    TerminalError,
    UnknownOutcome,
)
from dex.legs import legs_of
from dex.pools import POOL_KINDS, Pool, Swap, pool_from_state
from dex.types import (
    BPS_IN_PPM,
    PPM,
    Hop,
    Leg,
    Quote,
    Receipt,
    Route,
    Side,
    SignedTransaction,
    SwapIntent,
    SwapRequest,
    Token,
    VenueQuote,
)
from dex.venues import VENUES, Venue

__all__ = [
    "BPS_IN_PPM",
    "POOL_KINDS",
    "PPM",
    "VENUES",
    "AmountTooSmall",
    "BroadcastRejected",
    "BroadcastTimeout",
    "Chain",
    "ChainUnavailable",
    "DexError",
    "Engine",
    "Hop",
    "InsufficientFunds",
    "InsufficientLiquidity",
    "Leg",
    "LimitNotMet",
    "NoRoute",
    "Pool",
    "PriceImpactExceeded",
    "Quote",
    "Receipt",
    "RetryableError",
    "Route",
    "Side",
    "SignedTransaction",
    "SigningRefused",
    "Snapshot",
    "Swap",
    "SwapIntent",
    "SwapRequest",
    "TerminalError",
    "Token",
    "UnknownOutcome",
    "Venue",
    "VenueQuote",
    "legs_of",
    "pool_from_state",
]
