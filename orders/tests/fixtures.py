"""Fixtures of tests with orders: an account, an engine on the real simulated chain, and what runs the stages.

The root conftest.py loads them for all packages. Marked with `blocks_by_test`, a test makes the blocks itself.
"""

import contextlib
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from django.db.models import Q

from dex import Engine, RetryableError
from dex.chains.simulated import SimulatedChain, SimulatedOptions
from orders.config import Policy
from orders.models import Account, Order, Token
from orders.pipeline.loop import run_stage
from orders.states import TERMINAL, Stage
from orders.tests.factories import let_leases_run_out, new_account
from orders.tests.pipeline.chain_faults import CONFIRMATIONS, Run
from orders.tests.web import Web, web_server

DRIVE_LIMIT_S = 10.0
WEB_SERVERS = ("daphne", "uvicorn")


@pytest.fixture
def engine(db: None, request: pytest.FixtureRequest) -> Engine:
    """The engine on a fresh simulated chain: blocks at once, no latency, no other traders.

    Marked with `blocks_by_test`: four confirmations and no block time, and blocks come when something waits or when
    the test makes them.
    """
    if request.node.get_closest_marker("blocks_by_test"):
        return Engine(SimulatedChain(SimulatedOptions(required_confirmations=CONFIRMATIONS)))
    options = SimulatedOptions(block_time_ms=0, quote_delay_ms=0, build_delay_ms=0, submit_delay_ms=0, noise_trades=0)
    return Engine(SimulatedChain(options))


@pytest.fixture
def chain(engine: Engine) -> SimulatedChain:
    """The engine's chain, with its first block made."""
    assert isinstance(engine.chain, SimulatedChain)
    engine.chain.advance()
    return engine.chain


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
def policy(request: pytest.FixtureRequest) -> Policy:
    """Limits of the tests: retries come at once. Where the test makes the blocks, no transaction is stuck by itself."""
    policy = Policy(retry_base_s=0.001, retry_cap_s=0.001, resend_s=0.0)
    return replace(policy, stuck_s=1e9) if request.node.get_closest_marker("blocks_by_test") else policy


@pytest.fixture
def run(engine: Engine, policy: Policy) -> Run:
    """Run stages, each on all its unleased orders whether due or not; none named: all four."""

    def run_stages(*stages: Stage, policy: Policy = policy) -> None:
        for stage in stages or tuple(Stage):
            now = datetime.now(UTC)
            free = Order.objects.filter(Q(lease_until__isnull=True) | Q(lease_until__lt=now))
            free.update(due_at=now - timedelta(seconds=1))
            with contextlib.suppress(RetryableError):
                run_stage(stage, engine=engine, policy=policy)

    return run_stages


@pytest.fixture
def drive(engine: Engine, policy: Policy) -> Callable[..., None]:
    """Run all stages as workers would until every order has ended, or each of `orders`.

    Or run the stages that are named, each as if its worker died after it.
    """

    def run(*stages: Stage, orders: Collection[UUID | str] = ()) -> None:
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
            waited_for = Order.objects.filter(pk__in=orders) if orders else Order.objects
            if not waited_for.exclude(status__in=TERMINAL).exists():
                return
            assert time.monotonic() < ends_at, list(waited_for.exclude(status__in=TERMINAL))
            time.sleep(0.005)

    return run


class WebServers(dict[str, Web]):
    """One real web server of each kind, started when it is first asked for."""

    def __init__(self, start: Callable[[str], Web]) -> None:
        self._start = start

    def __missing__(self, kind: str) -> Web:
        self[kind] = self._start(kind)
        return self[kind]


@pytest.fixture(scope="session")
def web_servers(django_db_setup: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[WebServers]:
    """Those of the run."""
    with contextlib.ExitStack() as stack:
        yield WebServers(lambda kind: stack.enter_context(web_server(tmp_path_factory.mktemp("web"), kind)))


@pytest.fixture(scope="module")
def webs_of_file(web_servers: WebServers) -> WebServers:
    """The same; what tests of other files, which may cut sessions, have made them say is not held against them here."""
    for web in web_servers.values():
        web.said_wrong()
    return web_servers


@pytest.fixture(params=WEB_SERVERS)
def web(account: Account, webs_of_file: WebServers, request: pytest.FixtureRequest) -> Iterator[Web]:
    """A web server of each kind that runs, and has not met a bug by the end of the test.

    What clients may cost is the same on both.
    """
    yield from watched([webs_of_file[request.param]])


@pytest.fixture
def both_webs(account: Account, webs_of_file: WebServers) -> Iterator[list[Web]]:
    """The same of both at once, where a test waits."""
    webs = [webs_of_file[kind] for kind in WEB_SERVERS]
    for _ in watched(webs):
        yield webs


def watched(webs: Sequence[Web]) -> Iterator[Web]:
    """The first of them, all of which run and have not met a bug by the end."""
    for web in webs:
        if web.process.poll() is not None:
            web.start()
    yield webs[0]
    assert {web.server: web.said_wrong() for web in webs} == {web.server: [] for web in webs}
