"""Has a Redis-compatible server answer with errors, as after a failover or on a full disk, and take writes again."""

import resource
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry


@dataclass(frozen=True, slots=True)
class Refusal:
    """How a server is brought to answer with an error code, and how that ends. Takes a client and the server's pid."""

    begin: Callable[[Any, int], object]
    end: Callable[[Any, int], object]


def _misconf(client: Any, pid: int) -> None:
    """A snapshot that cannot be written: no file may grow meanwhile, and the server itself must write none."""
    client.config_set("appendonly", "no")
    limits = resource.prlimit(pid, resource.RLIMIT_FSIZE)
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (0, limits[1]))
    try:
        client.config_set("save", "3600 1")
        client.bgsave()
        while client.info("persistence")["rdb_bgsave_in_progress"]:
            pass
    finally:
        resource.prlimit(pid, resource.RLIMIT_FSIZE, limits)


REFUSALS: dict[str, Refusal] = {
    # A replica of a server that is not there, as the old primary after a failover.
    "READONLY": Refusal(
        lambda client, _: client.replicaof("127.0.0.1", 1), lambda client, _: client.replicaof("NO", "ONE")
    ),
    "NOREPLICAS": Refusal(
        lambda client, _: client.config_set("min-replicas-to-write", 1),
        lambda client, _: client.config_set("min-replicas-to-write", 0),
    ),
    "OOM": Refusal(
        lambda client, _: client.config_set("maxmemory", 1), lambda client, _: client.config_set("maxmemory", 0)
    ),
    # An operator's mistake, or rights that were taken away.
    "NOPERM": Refusal(
        lambda client, _: client.execute_command("ACL", "SETUSER", "default", "-@write"),
        lambda client, _: client.execute_command("ACL", "SETUSER", "default", "+@all"),
    ),
    "MISCONF": Refusal(_misconf, lambda client, _: client.config_set("save", "")),
}


def client_of(environment: dict[str, str]) -> "redis.Redis":
    """A client of the server that the environment names."""
    return redis.Redis(
        environment["REDIS_HOST"],
        int(environment["REDIS_PORT"]),
        password=environment["REDIS_PASSWORD"],
        socket_timeout=0.5,
        retry=Retry(NoBackoff(), 0),
    )
