"""Hot reload as its users meet it: a copy of the checkout, real servers, and files saved while everything runs."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from io import StringIO
from pathlib import Path

import pytest

from orderengine.devstack import spare
from orderengine.devstack.children import Children, Command
from orderengine.devstack.console import Console
from orderengine.devstack.reload import is_code, syntax_error
from orderengine.devstack.state import State
from orderengine.tests.conftest import state_directory
from orderengine.tests.devstack.reloading import ALL_APPS, APPS, SHARED_FILE, STAND_STILL, WEB_FILE, Copy
from orderengine.tests.engines import ROOT, wait_until_gone

# Longer than any restart takes that should not happen.
QUIET_S = 1.0


@pytest.fixture(scope="module")
def copy_of_module(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Copy]:
    """One copy for the file, and its engine ended whatever becomes of the tests."""
    with state_directory() as state:
        copy = Copy(tmp_path_factory.mktemp("copy"), state)
        yield copy
        if copy.is_running():
            copy.engine.stop()


@pytest.fixture
def copy(copy_of_module: Copy) -> Copy:
    """A copy whose engine runs, with all of it loaded."""
    if not copy_of_module.is_running():
        copy_of_module.start(SIM_BLOCK_TIME_MS="300")
    copy_of_module.begin_test()
    return copy_of_module


@pytest.mark.system
def test_a_saved_file_restarts_all_three_once_and_orders_in_flight_go_on(copy: Copy) -> None:
    before, restarts = copy.engine.processes(), copy.restarts()
    placed = [copy.place() for _ in range(8)]

    copy.save("orders in flight")
    copy.until_loaded("orders in flight")

    after = copy.engine.processes()
    assert all(after[name] != before[name] for name in APPS)
    assert all(after[name] == before[name] for name in ("supervisor", "guard", "postgres", "valkey"))
    assert copy.restarts() == restarts + 1, copy.said()
    copy.until(lambda: {copy.status(order) for order in placed} == {"CONFIRMED"})
    assert "corrupted" not in copy.said()  # the schedule that the old beat has open
    assert wait_until_gone([before[name] for name in APPS], 6) == []


@pytest.mark.system
def test_code_that_does_not_compile_is_named_and_waited_out(copy: Copy) -> None:
    before, restarts, file = copy.apps(), copy.restarts(), copy.root / WEB_FILE
    good = file.read_text()

    file.write_text(good + "\n\ndef broken(:\n")
    line = good.count("\n") + 3
    copy.until(lambda: f"{WEB_FILE}:{line}: invalid syntax" in copy.said())
    # Another good save changes nothing while that one is broken.
    (copy.root / "orders/apps.py").touch()
    time.sleep(QUIET_S)
    assert copy.apps() == before
    assert copy.restarts() == restarts
    assert "Traceback" not in copy.said()
    assert copy.get("/health")

    copy.save("corrected")
    copy.until_loaded("corrected")
    assert copy.restarts() == restarts + 1


@pytest.mark.system
def test_code_that_fails_as_it_is_loaded_waits_for_the_next_save(copy: Copy) -> None:
    file = copy.root / SHARED_FILE

    file.write_text(file.read_text() + "\nraise LookupError('no such thing')\n")
    copy.until(lambda: copy.said().count("; the next save starts it again") == len(ALL_APPS))

    assert "LookupError: no such thing" in copy.said()
    copy.save("loads again")
    copy.until_loaded("loads again")


@pytest.mark.system
def test_code_that_is_broken_while_it_is_loaded_waits_for_the_next_good_save(copy: Copy) -> None:
    state, before = copy.engine.state, set(copy.apps().values())
    shared, loaded_later = copy.root / SHARED_FILE, copy.root / "orders/apps.py"
    good = loaded_later.read_text()

    shared.write_text(shared.read_text() + STAND_STILL)
    copy.until(lambda: sum((state / f"stands-{pid}").exists() for pid in copy.apps().values()) == len(APPS))
    assert before.isdisjoint(copy.apps().values())
    loaded_later.write_text("broken(\n")
    copy.until(lambda: "orders/apps.py:1: '(' was never closed" in copy.said())
    (state / "go").touch()
    # Each of them has read what was saved after its start.
    copy.until(lambda: copy.said().count("SyntaxError: '(' was never closed") >= len(APPS))

    loaded_later.write_text(good)
    copy.save("whole again")
    copy.until_loaded("whole again")


@pytest.mark.system
def test_a_saved_template_and_style_sheet_show_at_once(copy: Copy) -> None:
    before = copy.apps()
    template, style = copy.root / "orders/templates/orders/desk.html", copy.root / "orders/static/orders/desk/desk.css"
    assert copy.get("/")
    assert copy.get("/static/orders/desk/desk.css") == style.read_text()

    template.write_text(template.read_text() + "<!-- saved just now -->\n")
    style.write_text(style.read_text() + "/* saved just now */\n")

    assert "<!-- saved just now -->" in copy.get("/")
    assert "/* saved just now */" in copy.get("/static/orders/desk/desk.css")
    time.sleep(QUIET_S)
    assert copy.apps() == before


@pytest.mark.system
def test_files_that_no_process_loads_restart_nothing(copy: Copy) -> None:
    before = copy.apps()
    for name in ("orders/tests/test_new.py", "docs/new.py", ".venv/new.py", "orders/__pycache__/new.pyc", "new.py"):
        (copy.root / name).parent.mkdir(exist_ok=True)
        (copy.root / name).write_text("broken(")

    time.sleep(QUIET_S)

    assert copy.apps() == before
    assert "broken(" not in copy.said()


@pytest.mark.system
def test_a_changed_env_file_is_taken_over_unless_it_makes_no_sense(copy: Copy) -> None:
    supervisor, env = copy.engine.processes()["supervisor"], copy.root / ".env"
    before = copy.engine.processes()

    env.write_text("LOG_LEVEL=LOUD\n")
    copy.until(lambda: "not LOUD" in copy.said())
    time.sleep(QUIET_S)
    assert copy.said().count("not LOUD") == 1
    assert copy.engine.processes() == before

    env.write_text("LOG_LEVEL=ERROR\n")
    copy.until(lambda: copy.engine.shared("environment").get("LOG_LEVEL") == "ERROR")
    copy.until(lambda: set(copy.engine.processes()) >= {*APPS, "postgres", "valkey"})
    assert copy.engine.processes()["supervisor"] == supervisor
    assert wait_until_gone([before["postgres"], before["worker"]], 10) == []
    copy.until(lambda: all(copy.loaded().values()))


@pytest.mark.system
def test_ctrl_c_ends_everything_the_old_worker_among_it(copy: Copy) -> None:
    before = copy.engine.processes()
    copy.save("the last one")
    copy.until(lambda: copy.apps().get("worker", before["worker"]) != before["worker"])
    pids = {*before.values(), *copy.engine.processes().values()}

    assert copy.engine.stop() == 0

    assert wait_until_gone(list(pids), 0) == []


def test_a_spare_process_loads_neither_code_of_ours_nor_settings() -> None:
    code = f"""
import runpy, sys
names = runpy.run_path({spare.__file__!r})
for module in names["OF_MODULE"]:
    names["load_libraries"](module)
from django.conf import settings
print(settings.configured, [name for name in sys.modules if name.partition(".")[0] in ("orderengine", "orders", "dex")])
"""
    loaded = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)

    assert (loaded.stdout, loaded.stderr) == ("False []\n", "")


def test_a_spare_process_becomes_the_command_and_ends_with_the_stack_unused(tmp_path: Path) -> None:
    said = StringIO()
    (tmp_path / "one.json").write_text('{"a": 1}')
    environment = dict(os.environ)
    used, unused = (
        Command(name, [sys.executable, "-m", "json.tool", "--compact", "one.json"], environment, tmp_path)
        for name in ("used", "unused")
    )
    state = State(tmp_path / "state")
    state.lock()
    with Children(state, Console(said)) as children:
        children.prepare(used)
        children.prepare(unused)
        waiting = [spare.pid for spare in children.spares.values()]

        child = children.start(used)

        assert child.process.pid == waiting[0]
        assert child.process.wait(30) == 0
        children.forget(child)
    assert said.getvalue() == 'used     | {"a":1}\n'
    assert wait_until_gone(waiting, 0) == []


@pytest.mark.parametrize(
    ("path", "is_loaded"),
    [
        ("orders/views.py", True),
        ("dex/chains/simulated/market.json", True),
        ("orderengine/tests/test_output.py", False),
        ("orderengine/chaos/run.py", False),
        ("orders/.#views.py", False),
        ("orders/views.py~", False),
        ("orders/__pycache__/views.cpython-311.pyc", False),
        ("orders/templates/orders/start.html", False),
    ],
)
def test_only_what_a_process_may_have_loaded_counts(path: str, is_loaded: bool) -> None:
    assert is_code(Path(path)) is is_loaded


@pytest.mark.parametrize(
    ("content", "error"),
    [
        (b"x = 1\n", None),
        (b"x = 1\nif x\n", "views.py:2: expected ':'"),
        (b"x = (\n", "views.py:1: '(' was never closed"),
        (b"x = '\xff'\n", "views.py"),
        (b"x = '\0'\n", "views.py"),
        (None, None),
    ],
)
def test_what_does_not_compile_is_named_with_its_line(tmp_path: Path, content: bytes | None, error: str | None) -> None:
    file = tmp_path / "views.py"
    if content is not None:
        file.write_bytes(content)

    found = syntax_error(file, "views.py")

    assert found is None if error is None else found and found.startswith(error)


def test_bytecode_of_the_same_second_and_size_is_not_taken_for_that_of_a_saved_file(tmp_path: Path) -> None:
    file = tmp_path / "module.py"
    load = [sys.executable, "-c", "import module; print(module.x)"]
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}

    def loaded(content: str) -> str:
        file.write_text(content)
        os.utime(file, (1_000_000_000, 1_000_000_000))
        assert syntax_error(file, file.name) is None
        return subprocess.run(load, cwd=tmp_path, env=environment, capture_output=True, text=True, check=True).stdout

    assert [loaded("x = 1\n"), loaded("x = 2\n")] == ["1\n", "2\n"]
