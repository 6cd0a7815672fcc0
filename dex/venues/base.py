"""What a venue is: a named deployment of a protocol on a chain, and the one who knows which pools are its own."""

from collections.abc import Iterable
from dataclasses import dataclass

from dex.pools import Pool


@dataclass(frozen=True, slots=True)
class Venue:
    """`name` is the stable id in requests and routes, `display_name` what people read, `pool_kind` its arithmetic."""

    name: str
    display_name: str
    pool_kind: str

    def pools(self, pools: Iterable[Pool]) -> tuple[Pool, ...]:
        """The venue's own pools out of a chain's snapshot: those under its name and of the kind it can swap."""
        return tuple(pool for pool in pools if pool.venue == self.name and pool.kind == self.pool_kind)
