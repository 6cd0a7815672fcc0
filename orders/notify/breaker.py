"""One switch per process for everything that is only a hint: while Redis is away, no caller waits for it twice."""

import logging
import os
import threading
import time
from collections.abc import Callable
from functools import cache

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from orders.config import hints_redis_url
from orders.notify.redis_errors import redis_reason

logger = logging.getLogger(__name__)

# A frozen server costs the one caller that finds out this long, and only once.
SOCKET_TIMEOUT_S = 0.2
PROBE_INTERVAL_S = 0.5
# The same reason is not said again within this time, should Redis come and go.
SAY_AGAIN_S = 60.0
PROBE_KEY = "probe"
# A connection that died while idle fails sooner than this; a second attempt opens another.
STALE_S = 0.05


@cache
def _client(pid: int) -> redis.Redis:
    # A connection must not be shared across a fork, hence one client per process id.
    return redis.Redis.from_url(
        hints_redis_url(),
        socket_timeout=SOCKET_TIMEOUT_S,
        socket_connect_timeout=SOCKET_TIMEOUT_S,
        retry=Retry(NoBackoff(), 0),
        retry_on_error=[],
        health_check_interval=0,
    )


def redis_client() -> redis.Redis:
    """This process's client for hint keys; each call on it takes `SOCKET_TIMEOUT_S` at most."""
    return _client(os.getpid())


def write_probe() -> None:
    """Ask Redis for what hints need of it: a server may answer a PING and refuse every write. Raises: RedisError."""
    client = redis_client()
    try:
        with client.pipeline(transaction=False) as pipeline:
            pipeline.set(PROBE_KEY, "", px=1000)
            pipeline.publish(PROBE_KEY, "")
            pipeline.execute()
    except redis.RedisError:
        # The next one goes wherever the address leads by then: this server may have been demoted.
        client.connection_pool.disconnect()
        raise


class Breaker:
    """Open after one failure; a background thread, never a caller, finds out when Redis is back."""

    def __init__(self, probe: Callable[[], object]) -> None:
        self._probe = probe
        self._lock = threading.Lock()
        self._open_in_pid: int | None = None
        self._said: tuple[str, float] = ("", -SAY_AGAIN_S)

    @property
    def is_open(self) -> bool:
        """Whether hints are skipped at the moment (a forked child starts with its own judgement)."""
        return self._open_in_pid == os.getpid()

    def attempt(self, hint: Callable[[], object]) -> bool:
        """Run `hint` unless open; False when it was skipped or failed. Never raises."""
        return not self.is_open and self._try(hint, may_be_stale=True)

    def _try(self, hint: Callable[[], object], *, may_be_stale: bool) -> bool:
        began_at = time.monotonic()
        try:
            hint()
        except Exception as error:
            if may_be_stale and time.monotonic() - began_at < STALE_S:
                return self._try(hint, may_be_stale=False)
            self._trip(error)
            return False
        return True

    def _trip(self, error: Exception) -> None:
        with self._lock:
            if self.is_open:
                return
            self._open_in_pid = os.getpid()
        is_news = self._say(error)
        threading.Thread(target=self._probe_until_back, args=(is_news,), name="redis-probe", daemon=True).start()

    def _say(self, error: Exception) -> bool:
        """Whether the reason is news."""
        reason, now = redis_reason(error), time.monotonic()
        said, at = self._said
        if reason == said and now - at < SAY_AGAIN_S:
            return False
        self._said = (reason, now)
        logger.warning("Redis is away (%s): orders go on, workers look for what is due by themselves", reason)
        return True

    def _probe_until_back(self, is_news: bool) -> None:
        while True:
            time.sleep(PROBE_INTERVAL_S)
            try:
                self._probe()
            except Exception:  # noqa: S112 - not back yet
                continue
            self._open_in_pid = None
            if is_news:
                logger.warning("Redis is back")
            return


hints = Breaker(write_probe)
