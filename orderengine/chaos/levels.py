"""What each level of `make chaos` does to the engine, as a table."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Planned:
    """When a fault strikes: `first_s` after the first order, then each `every_s` (None: just once)."""

    first_s: float
    every_s: float | None = None


@dataclass(frozen=True, slots=True)
class Level:
    """Load and faults of one run. Shares are probabilities, `killers` is a number of orders.

    `cancelled` is the share of orders whose owner cancels them. `skipped` and `doubled` are shares of all messages
    (wake-ups, maintenance and pushes alike), `late` of the chain's answers, `poison` of the orders. The fault names in
    `planned` are those of faults.py.
    """

    orders: int
    rate: float
    planned: dict[str, Planned]
    skipped: float = 0.2
    doubled: float = 0.03
    late: float = 0.05
    poison: float = 0.01
    cancelled: float = 0.1
    killers: int = 0
    slow_clients: int = 0
    is_clock_skewed: bool = False
    # How long Redis or PostgreSQL may answer with errors; one of these each time.
    outages_s: tuple[float, ...] = (3.0,)
    # Reorgs of up to 3 blocks must not be past finality, also when a few empty blocks' time passes meanwhile.
    environment: dict[str, str] = field(default_factory=lambda: {"SIM_CONFIRMATIONS": "6"})


def each(seconds: float) -> Planned:
    """From the first order on, at this pace."""
    return Planned(seconds, seconds)


def once(seconds: float) -> Planned:
    """One time."""
    return Planned(seconds)


_MIX = {
    "worker_kill": each(2),
    "whole_worker_kill": each(19),
    "flushall": each(9),
    "redis_restart": each(13),
    "postgres_restart": each(17),
    "web_kill": each(11),
    "beat_kill": each(10),
    "reorg": each(3),
    "chain_away": each(23),
    "redis_refuses": each(27),
    "database_refuses": each(35),
}
_SOAK = _MIX | {"redis_freeze": each(41), "postgres_freeze": each(67), "client_kill": each(29)}

# Of the four, one lasts for minutes.
_OUTAGES_S = (3.0, 3.0, 10.0, 120.0)


def level(number: int, orders: int | None, rate: float | None, duration_s: float | None) -> Level:
    """The level of this number; a soak has as many orders as fill its duration.

    Its slow clients stay below the sockets that one owner may have, so that the one that reads has its place.
    """
    if number == 1:
        planned = {
            "worker_kill": each(2),
            "whole_worker_kill": once(9),
            "flushall": once(3),
            "redis_restart": once(5),
            "web_kill": once(7),
            "postgres_restart": once(10),
            "reorg": each(3),
            "chain_away": once(4),
            "redis_refuses": once(6),
            "database_refuses": once(8),
        }
        return Level(orders or 500, rate or 40, planned)
    rate = rate or 40
    if number == 2:
        orders = orders or 10_000
        return Level(orders, rate, _MIX, killers=orders // 5_000)
    orders = orders or int((duration_s or 3_600) * rate)
    killers = orders // 10_000
    return Level(orders, rate, _SOAK, killers=killers, slow_clients=15, is_clock_skewed=True, outages_s=_OUTAGES_S)
