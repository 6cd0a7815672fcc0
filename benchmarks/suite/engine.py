"""The engine under test: this checkout, started by its own supervisor with the settings of `make run`, on loopback."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from benchmarks.suite.servers import Servers, shared_servers
from benchmarks.suite.supervised import free_port, processes, supervised

# The simulated chain answers at once, without other traders: what is left is the engine's own time.
NO_DELAYS = {
    "SIM_BLOCK_TIME_MS": "0",
    "SIM_QUOTE_DELAY_MS": "0",
    "SIM_BUILD_DELAY_MS": "0",
    "SIM_SUBMIT_DELAY_MS": "0",
    "SIM_NOISE_TRADES": "0",
}
# Both directions of two pairs in turn, of about equal worth, so that prices stay where they are.
ORDERS = (
    '{"token_in":"SOL","token_out":"USDC","amount":"1.5"}',
    '{"token_in":"USDC","token_out":"SOL","amount":"215.9"}',
    '{"token_in":"ETH","token_out":"USDC","amount":"0.05"}',
    '{"token_in":"USDC","token_out":"ETH","amount":"143.05"}',
)
PLACED = "/api/v1/orders"
ANSWER_TIMEOUT_S = 3.0


@dataclass(frozen=True, slots=True)
class Engine:
    """Where it is reached, and where its supervisor keeps its list of processes."""

    url: str
    servers: Servers
    state: Path

    @property
    def database_url(self) -> str:
        """Its database, past any proxy."""
        return self.servers.database_url

    def processes(self) -> dict[str, int]:
        """Process ids by name: web, worker, beat and the servers, each with its own descendants."""
        return processes(self.state) | self.servers.processes()

    def socket(self, order_id: str) -> str:
        """The WebSocket of one order, from its first event on."""
        return f"{self.url.replace('http', 'ws', 1)}/orders/{order_id}?after=0"


@contextmanager
def engine(servers: Servers, *, database_url: str = "", **environment: str) -> Iterator[Engine]:
    """Start it on these servers, through another address of the database where one is given."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    state = servers.engine_state
    own = {"DATABASE_URL": database_url or servers.database_url, "PORT": str(port), "HOST": "127.0.0.1"}
    own |= {"LOG_LEVEL": "WARNING", "RATE_PER_MINUTE": "0", **servers.redis, **NO_DELAYS, **environment}
    with supervised([], own, state, lambda: _is_ready(url)):
        yield Engine(url, servers, state)


@contextmanager
def fresh_engine(**environment: str) -> Iterator[Engine]:
    """Start one on servers of its own, for a benchmark that compares nothing."""
    with shared_servers() as servers, engine(servers, **environment) as started:
        yield started


def _is_ready(url: str) -> bool:
    try:
        return httpx.get(f"{url}/ready", timeout=ANSWER_TIMEOUT_S).status_code == httpx.codes.OK
    except httpx.HTTPError:
        return False
