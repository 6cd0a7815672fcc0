"""How long each part of a run takes: the whole within ten minutes on two cores, the quick one within 90 seconds."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Plan:
    """Seconds of load for each part, how often sides alternate, and what is left out (0, or nothing to go through)."""

    alternations: int
    warm_s: float
    single_s: float
    followed_s: float
    batch_s: float
    delayed_alternations: int
    delayed_s: float
    statements: int
    counts_peer: bool
    # From the warm-up to the idle engine's count.
    rest_s: float
    idle_s: float
    growth_orders: int
    growth_s: float
    bare_s: float
    sizes: tuple[int, ...]
    rates: tuple[int, ...]
    point_s: float
    workers: tuple[int, ...]
    sockets: int


FULL = Plan(
    alternations=5,
    warm_s=1.0,
    single_s=3.0,
    followed_s=4.0,
    batch_s=2.5,
    delayed_alternations=2,
    delayed_s=4.0,
    statements=12,
    counts_peer=True,
    rest_s=12.0,
    idle_s=15.0,
    growth_orders=60_000,
    growth_s=25.0,
    bare_s=8.0,
    sizes=(1, 10, 100, 500),
    rates=(10, 20, 50, 100, 200),
    point_s=2.5,
    workers=(1, 2, 4, 8),
    sockets=5_000,
)
QUICK = Plan(
    alternations=1,
    warm_s=0.5,
    single_s=1.5,
    followed_s=2.0,
    batch_s=1.5,
    delayed_alternations=1,
    delayed_s=2.0,
    statements=4,
    counts_peer=False,
    rest_s=1.0,
    idle_s=2.0,
    growth_orders=0,
    growth_s=0.0,
    bare_s=2.0,
    sizes=(),
    rates=(),
    point_s=2.0,
    workers=(),
    sockets=500,
)
