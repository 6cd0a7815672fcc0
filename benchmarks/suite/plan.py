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
    idle_s: float
    growth_orders: int
    growth_s: float
    bare_s: float
    sizes: tuple[int, ...]
    rates: tuple[int, ...]
    point_s: float
    workers: tuple[int, ...]


FULL = Plan(
    alternations=5,
    warm_s=1.5,
    single_s=4.0,
    followed_s=7.0,
    batch_s=3.0,
    delayed_alternations=2,
    delayed_s=5.0,
    statements=15,
    counts_peer=True,
    idle_s=8.0,
    growth_orders=60_000,
    growth_s=45.0,
    bare_s=8.0,
    sizes=(1, 10, 100, 500),
    rates=(5, 20, 50, 100, 200),
    point_s=3.0,
    workers=(1, 2, 4),
)
QUICK = Plan(
    alternations=1,
    warm_s=1.0,
    single_s=2.0,
    followed_s=3.0,
    batch_s=2.0,
    delayed_alternations=1,
    delayed_s=3.0,
    statements=5,
    counts_peer=False,
    idle_s=3.0,
    growth_orders=0,
    growth_s=0.0,
    bare_s=3.0,
    sizes=(),
    rates=(),
    point_s=2.0,
    workers=(),
)
