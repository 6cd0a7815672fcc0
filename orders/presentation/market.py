"""What can be traded, and where."""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from dex import Engine, Pool, Venue
from orders.amounts import format_units
from orders.models import Token
from orders.presentation.amounts import bps
from orders.shapes import GIVEN, Shape, boolean, integer, listed, text, text_map, texts


class PricedPool(NamedTuple):
    """A pool at a time (unix seconds) of its chain."""

    pool: Pool
    time: int
    decimals: Mapping[str, int]

    @property
    def fee_bps(self) -> str:
        """What it takes of its first token."""
        return f"{self.pool.fee_ppm(self.pool.tokens[0], self.time) / 100:.2f}"

    @property
    def reserves(self) -> dict[str, str]:
        """What it holds, in token units."""
        return {token: format_units(atoms, self.decimals[token]) for token, atoms in self.pool.balances().items()}


POOL = Shape[PricedPool](
    "PoolShape",
    "One source of liquidity.",
    {
        "pool": text(lambda priced: priced.pool.pool_id),
        "kind": text(lambda priced: priced.pool.kind),
        "tokens": texts(lambda priced: list(priced.pool.tokens)),
        "fee_bps": bps(),
        "reserves": text_map(about="Token units by symbol."),
    },
)
VENUE = Shape[Venue](
    "VenueShape",
    "A venue and its pools.",
    {
        "venue": text(lambda venue: venue.name),
        "name": text(lambda venue: venue.display_name),
        "pools": listed(POOL, GIVEN),
    },
)
VENUES = Shape[Engine](
    "VenuesShape",
    "All venues, as of one block.",
    {
        "chain": text(lambda engine: engine.chain.chain_id, "Where orders trade."),
        "moves_real_money": boolean(GIVEN, "Whether its tokens are worth money; false on development chains."),
        "snapshot_version": integer(GIVEN),
        "results": listed(VENUE, GIVEN),
    },
)
TOKEN = Shape[Token](
    "TokenShape", "A token that orders may name.", {"symbol": text(), "name": text(), "decimals": integer()}
)
TOKENS = Shape[Iterable[Token]](
    "TokensShape", "All tokens.", {"results": listed(TOKEN, lambda tokens: [TOKEN.render(token) for token in tokens])}
)


def venues_json(engine: Engine, decimals: Mapping[str, int], *, moves_real_money: bool) -> dict[str, Any]:
    """Every venue that has pools on the engine's chain, with these, as of the newest block."""
    snapshot = engine.chain.snapshot()
    results = []
    for venue in engine.venues:
        pools = [
            POOL.render(PricedPool(pool, snapshot.time, decimals))
            for pool in snapshot.pools
            if pool.venue == venue.name
        ]
        if pools:
            results.append(VENUE.render(venue, pools=pools))
    return VENUES.render(engine, moves_real_money=moves_real_money, snapshot_version=snapshot.version, results=results)
