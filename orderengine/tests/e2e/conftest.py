"""One engine and one browser for the run, a page of its own for each test, and no error on any page."""

import re
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, expect

from orderengine.devstack.environment import free_port
from orderengine.tests.conftest import state_directory
from orderengine.tests.e2e.axe import axe_source
from orderengine.tests.e2e.chromium import chromium
from orderengine.tests.e2e.desk import Desk, desk_page
from orderengine.tests.engines import FAST, ROOT, Engine, until

# Where a picture of the page is left by a test that fails.
PICTURES = ROOT / ".e2e" / "failed"
# Blocks come every 20 ms, so an order takes no longer than a person needs to look; none is refused for asking often.
SETTINGS = FAST | {"RATE_PER_MINUTE": "0"}
# Waits end with what is waited for: only a failure takes this long. Tests of other parts run beside these.
EXPECT_MS = 30_000

FAILED = pytest.StashKey[bool]()
OpenDesk = Callable[..., Desk]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Those that need an engine without orders come first."""
    items.sort(key=lambda item: item.get_closest_marker("empty") is None)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Note the failure, for the picture."""
    report = yield
    if report.when == "call":
        item.stash[FAILED] = report.failed
    return report


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """One for the run."""
    expect.set_options(timeout=EXPECT_MS)
    try:
        with chromium() as started:
            yield started
    except SystemExit as missing:
        pytest.exit(str(missing), returncode=1)


@pytest.fixture(scope="session")
def whole(browser: Browser) -> Iterator[Engine]:
    """One engine for the run: web, worker, beat and deliver, on servers of its own."""
    with state_directory() as state:
        engine = Engine(state, PORT=str(free_port()), **SETTINGS).until_up()
        yield engine
        assert engine.process.poll() is None, "".join(engine.said)
        engine.stop()


@pytest.fixture
def api(whole: Engine) -> Iterator[httpx.Client]:
    """A program on this machine, once everything that it needs is up."""
    with httpx.Client(base_url=whole.url, timeout=20) as client:
        until(lambda: client.get("/ready").status_code == 200, 60)
        yield client


@pytest.fixture
def open_desk(browser: Browser, whole: Engine, api: httpx.Client, request: pytest.FixtureRequest) -> Iterator[OpenDesk]:
    """Opens desks; at the end none of them may have had an error that the test did not expect."""
    desks: list[Desk] = []
    with ExitStack() as opened:

        def open_one(*, is_live: bool = True, is_loaded: bool = True, **options: Any) -> Desk:
            desks.append(opened.enter_context(desk_page(browser, f"{whole.url}/", api, **options)))
            return desks[-1].open(is_live=is_live) if is_loaded else desks[-1]

        yield open_one
        if request.node.stash.get(FAILED, False):
            _leave_pictures(desks, request.node.name)
        errors = [desk.unexpected() for desk in desks]
    assert not any(errors), errors


def _leave_pictures(desks: list[Desk], name: str) -> None:
    PICTURES.mkdir(parents=True, exist_ok=True)
    for number, desk in enumerate(desks):
        path = PICTURES / f"{re.sub(r'[^a-z0-9]+', '-', name.lower())}-{number}.png"
        desk.page.screenshot(path=path, full_page=True)
        print(f"the page as it was: {path.relative_to(ROOT)}")


@pytest.fixture
def desk(open_desk: OpenDesk) -> Desk:
    """A desk that is live, 1440 pixels wide."""
    return open_desk()


@pytest.fixture(scope="session")
def axe() -> str:
    """The rules of axe-core, as a script."""
    return axe_source(Path(ROOT / ".e2e" / "axe"))
