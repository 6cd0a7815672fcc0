"""`pytest --fast`, which `make test-fast` runs: the tests that need nothing beside Python, in half a minute.

Which tests these are follows from what each of them uses, in every run: the marker `services` is set on tests that are
marked for the database, a node or the real stack, that ask for a fixture which needs one, or whose module or helpers
start processes or open connections. A fast run leaves these out, property tests and those marked `slow`, and of a test
with many cases all but a few. Sockets are closed to it, so a test that is missing the marker fails.
"""

import re
import sys
from collections.abc import Iterable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from hypothesis import is_hypothesis_test

SERVICES, SLOW = "services", "slow"
SERVICE_MARKERS = {"django_db", "system", "chain"}
SERVICE_FIXTURES = {"django_db_setup", "local_node"}
# A module that takes something from these starts processes or talks to servers.
SERVICE_MODULES = ("http.server", "httpx", "orders.notify", "psycopg", "redis", "socket", "subprocess", "websockets")
# A file of which every test is marked need not be loaded to know it.
MARKED_FILE = re.compile(rf"^pytestmark = .*pytest\.mark\.({'|'.join(sorted(SERVICE_MARKERS))})\b", re.MULTILINE)
BROWSER_TESTS = Path(__file__).parent / "e2e"
BROWSER_TESTS_LEFT_OUT = pytest.StashKey[bool]()
# Of one test in a fast run, spread evenly over all its cases.
MOST_CASES = 8


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option."""
    parser.addoption("--browser", action="store_true", help="the tests in a browser too: `make e2e`")
    parser.addoption("--fast", action="store_true", help="only tests that need no service, and a few cases of each")


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Close all sockets to a fast run, before pytest-socket looks; event loops keep their pair."""
    if config.getoption("fast"):
        config.option.disable_socket = config.option.allow_unix_socket = True
        config.option.allow_hosts = None


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave out what needs a browser, and of a fast run what needs services as a whole, before it is loaded."""
    if collection_path == BROWSER_TESTS and not config.getoption("browser"):
        config.stash[BROWSER_TESTS_LEFT_OUT] = True
        return True
    if config.getoption("fast") and collection_path.suffix == ".py" and collection_path.name.startswith("test_"):
        return bool(MARKED_FILE.search(collection_path.read_text(encoding="utf-8"))) or None
    return None


@pytest.hookimpl(tryfirst=True)
def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Make in a fast run a few cases of each test only: thousands take seconds to be made."""
    if not metafunc.config.getoption("fast"):
        return
    parametrize = metafunc.parametrize

    def parametrize_some(names: Any, values: Iterable[Any], *, ids: Any = None, **options: Any) -> None:
        shown = ids if ids is None or callable(ids) else some(list(ids))
        parametrize(names, some(list(values)), ids=shown, **options)

    metafunc.parametrize = parametrize_some  # type: ignore[method-assign, assignment]


def some(cases: list[Any]) -> list[Any]:
    """At most a few, spread evenly, the first and the last among them."""
    if len(cases) <= MOST_CASES:
        return cases
    step = (len(cases) - 1) / (MOST_CASES - 1)
    return [cases[round(number * step)] for number in range(MOST_CASES)]


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark what needs services; of a fast run leave out that, and what takes long."""
    uses: dict[ModuleType, bool] = {}
    for item in items:
        if needs_services(item, uses):
            item.add_marker(SERVICES)
    if config.getoption("fast"):
        kept: list[pytest.Item] = []
        left_out: list[pytest.Item] = []
        for item in items:
            is_long = item.get_closest_marker(SLOW) or is_hypothesis_test(getattr(item, "obj", None))
            (left_out if is_long or item.get_closest_marker(SERVICES) else kept).append(item)
        config.hook.pytest_deselected(items=left_out)
        items[:] = kept


def pytest_report_collectionfinish(config: pytest.Config, items: list[pytest.Item]) -> list[str]:
    """Say what a run leaves out."""
    lines = []
    if config.stash.get(BROWSER_TESTS_LEFT_OUT, False):
        lines.append("left out: tests in a browser. `make e2e` runs them")
    if config.getoption("fast"):
        lines.append(
            f"fast: {len(items)} tests. Left out: what needs services, property tests, slow tests, and of each test"
            f" what is more than {MOST_CASES} cases. `make test` runs all"
        )
    return lines


def needs_services(item: pytest.Item, uses: dict[ModuleType, bool]) -> bool:
    """Whether a test needs more than Python, by its markers, its fixtures and its module."""
    if SERVICE_MARKERS.intersection(marker.name for marker in item.iter_markers()):
        return True
    if SERVICE_FIXTURES.intersection(getattr(item, "fixturenames", ())):
        return True
    module: ModuleType | None = getattr(item, "module", None)
    return module is not None and _uses_services(module, uses)


def _uses_services(module: ModuleType, known: dict[ModuleType, bool]) -> bool:
    """Whether a module, or a helper of tests that it takes something from, has a client or starts processes."""
    if module not in known:
        known[module] = False
        names = {_home(value) for value in vars(module).values()}
        helpers = [sys.modules[name] for name in names if _is_helper(name) and name in sys.modules]
        known[module] = any(f"{name}.".startswith(f"{client}.") for name in names for client in SERVICE_MODULES) or any(
            _uses_services(helper, known) for helper in helpers
        )
    return known[module]


def _home(value: object) -> str:
    """The module that a name of a module stands for, or comes from."""
    home = value.__name__ if isinstance(value, ModuleType) else getattr(value, "__module__", None)
    return home if isinstance(home, str) else ""


def _is_helper(name: str) -> bool:
    return "tests" in name.split(".") or name.startswith("dex.testing")
