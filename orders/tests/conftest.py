"""An account, an engine without delays on the real simulated chain, and a drive that runs the stages to the end."""

import contextlib
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from dex import Engine, RetryableError
from dex.chains.simulated import SimulatedChain, SimulatedOptions
from dex.testing.local_chain import local_node, world
from orders.breaker import hints, redis_client
from orders.config import Policy
from orders.engine import get_engine
from orders.models import Account, Order, Token
from orders.pipeline import run_stage
from orders.states import TERMINAL, Stage
from orders.tests.factories import let_leases_run_out, new_account
from orders.tests.web import Web, web_server

__all__ = ["local_node", "world"]

DRIVE_LIMIT_S = 10.0


@pytest.fixture(autouse=True)
def closed(settings: Any) -> None:
    """Callers need a key unless a test says otherwise, whatever the environment of the run."""
    settings.API_IS_OPEN = False


@pytest.fixture
def engine(db: None) -> Engine:
    """The engine on a fresh simulated chain: blocks at once, no latency, no other traders."""
    options = SimulatedOptions(block_time_ms=0, quote_delay_ms=0, build_delay_ms=0, submit_delay_ms=0, noise_trades=0)
    return Engine(SimulatedChain(options))


@pytest.fixture
def tokens(engine: Engine) -> None:
    """The chain's tokens in the registry, as `manage.py prepare` loads them."""
    Token.objects.bulk_create(
        Token(symbol=token.symbol, name=token.name, decimals=token.decimals) for token in engine.chain.tokens()
    )


@pytest.fixture
def account(db: None, tokens: None) -> Account:
    """An owner of orders."""
    return new_account()


@pytest.fixture
def policy() -> Policy:
    """Limits of the tests: retries come at once."""
    return Policy(retry_base_s=0.001, retry_cap_s=0.001, resend_s=0.0)


@pytest.fixture
def drive(engine: Engine, policy: Policy) -> Callable[..., None]:
    """Run all stages as workers would until every order has ended, or each named one as if its worker died after it."""

    def run(*stages: Stage) -> None:
        for stage in stages:
            with contextlib.suppress(RetryableError):
                run_stage(stage, engine=engine, policy=policy, carries_to={})
            let_leases_run_out()
        ends_at = time.monotonic() + DRIVE_LIMIT_S
        while not stages:
            for stage in tuple(Stage):
                try:
                    run_stage(stage, engine=engine, policy=policy)
                except RetryableError:
                    time.sleep(0.002)
            if not Order.objects.exclude(status__in=TERMINAL).exists():
                return
            assert time.monotonic() < ends_at, list(Order.objects.exclude(status__in=TERMINAL))
            time.sleep(0.005)

    return run


@pytest.fixture(autouse=True)
def quiet_redis() -> None:
    """Each test starts without flags of the one before, and with hints if a stall has cost the one before its own."""
    ends_at = time.monotonic() + DRIVE_LIMIT_S
    while hints.is_open:
        assert time.monotonic() < ends_at, "Redis does not come back"
        time.sleep(0.05)
    redis_client().flushdb()


@pytest.fixture(autouse=True)
def fresh_engine() -> None:
    """The process's own engine remembers a chain that the test before has taken with it."""
    get_engine.cache_clear()


@pytest.fixture(scope="module")
def web_of_module(django_db_setup: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Web]:
    """One real web server for the file."""
    with web_server(tmp_path_factory.mktemp("web")) as running:
        yield running


@pytest.fixture
def web(account: Account, web_of_module: Web) -> Iterator[Web]:
    """A web server that runs, and has not met a bug by the end of the test."""
    if web_of_module.process.poll() is not None:
        web_of_module.start()
    yield web_of_module
    assert web_of_module.said_wrong() == []
