"""Queues in the order of arrival, simulated from given arrivals and service times; times in one unit of any kind."""

import heapq
import math
import random
from collections.abc import Sequence
from dataclasses import dataclass


def steady(rate: float, count: int) -> list[float]:
    """Arrivals at equal distances, as the load generator sends them."""
    return [number / rate for number in range(count)]


def poisson(rate: float, count: int, dice: random.Random) -> list[float]:
    """Arrivals of many who know nothing of each other."""
    at, found = 0.0, []
    for _ in range(count):
        at += dice.expovariate(rate)
        found.append(at)
    return found


def waits(arrivals: Sequence[float], services: Sequence[float], servers: int) -> list[float]:
    """How long each waits until one of the servers begins with it. Arrivals are in order."""
    free_at = [-math.inf] * servers
    found = []
    for arrived, service in zip(arrivals, services, strict=True):
        begun = max(arrived, heapq.heappop(free_at))
        heapq.heappush(free_at, begun + service)
        found.append(begun - arrived)
    return found


def batch_times(arrivals: Sequence[float], fixed: Sequence[float], each: float, servers: int, most: int) -> list[float]:
    """How long each takes from its arrival to the end of its batch.

    A server that is free takes all that wait, up to `most`, and needs the `fixed` time of the batch's first and `each`
    for every one in it: the more wait, the cheaper each is.
    """
    free_at = [-math.inf] * servers
    found: list[float] = []
    while (first := len(found)) < len(arrivals):
        begun = max(arrivals[first], heapq.heappop(free_at))
        last = first
        while last < len(arrivals) and last - first < most and arrivals[last] <= begun:
            last += 1
        ended = begun + fixed[first] + each * (last - first)
        heapq.heappush(free_at, ended)
        found += [ended - arrived for arrived in arrivals[first:last]]
    return found


@dataclass(frozen=True, slots=True)
class Path:
    """What an order needs on its way, in milliseconds, measured while nothing waits, and who serves it.

    `unloaded` are whole latencies to draw from, which hold every service once. Beside them an order waits: for a web
    process, for a worker that takes batches, and for a core of the machine.
    """

    unloaded: tuple[float, ...]
    web: float
    batch: float
    each: float
    cores_used: float
    webs: int = 1
    workers: int = 2
    cores: int = 2
    most: int = 200

    @property
    def capacity_per_s(self) -> float:
        """Orders a second above which some queue only grows."""
        full_batch = (self.batch + self.each * self.most) / self.most
        needs = (self.web / self.webs, full_batch / self.workers, self.cores_used / self.cores)
        return 1000 / max(*needs, 1e-9)


def latencies(path: Path, arrivals_ms: Sequence[float], dice: random.Random) -> list[float]:
    """Latency of each order: one that was measured without load, and its waits."""
    drawn = [dice.choice(path.unloaded) for _ in arrivals_ms]
    middle = sorted(path.unloaded)[len(path.unloaded) // 2]
    # Service times spread as whole latencies do.
    spread = [one / middle if middle else 1.0 for one in drawn]
    in_web = waits(arrivals_ms, [path.web * factor for factor in spread], path.webs)
    at_worker = [at + wait for at, wait in zip(arrivals_ms, in_web, strict=True)]
    order = sorted(range(len(at_worker)), key=at_worker.__getitem__)
    fixed = [path.batch * spread[number] for number in order]
    batched = batch_times([at_worker[number] for number in order], fixed, path.each, path.workers, path.most)
    for_worker = [0.0] * len(order)
    for place, number in enumerate(order):
        alone = path.batch * spread[number] + path.each
        for_worker[number] = max(0.0, batched[place] - alone)
    for_core = waits(arrivals_ms, [path.cores_used * factor for factor in spread], path.cores)
    return [sum(parts) for parts in zip(drawn, in_web, for_worker, for_core, strict=True)]
