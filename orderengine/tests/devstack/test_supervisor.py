"""The supervisor outlives what it cannot keep up and what it cannot write: it gives up nothing that has worked."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from io import StringIO
from pathlib import Path

import psycopg
import pytest
import redis

from orderengine.devstack import keeper
from orderengine.devstack.children import Children, Command
from orderengine.devstack.console import Console
from orderengine.devstack.keeper import Keeper
from orderengine.devstack.state import State
from orderengine.refusal import Refusal
from orderengine.tests.engines import ROOT, Engine, Start

NO_SPACE = OSError(28, "No space left on device")


@pytest.fixture
def said() -> StringIO:
    return StringIO()


@pytest.fixture
def children(tmp_path: Path, said: StringIO) -> Iterator[Children]:
    state = State(tmp_path)
    state.lock()
    with Children(state, Console(said)) as children:
        yield children


def python(name: str, code: str) -> Command:
    return Command(name, [sys.executable, "-u", "-c", code], dict(os.environ), ROOT)


def until(is_so: Callable[[], bool], tend: Callable[[], None], seconds: float = 20) -> None:
    ends_at = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < ends_at
        tend()
        time.sleep(0.01)


def test_what_dies_again_and_again_is_started_again_and_again_and_said_once(
    children: Children, said: StringIO, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Five deaths within a minute ended everything, web included."""
    monkeypatch.setattr(keeper, "FIRST_PAUSE_S", 0.01)
    monkeypatch.setattr(keeper, "LONGEST_PAUSE_S", 0.02)
    count = tmp_path / "count"
    kept = Keeper(children)
    kept.has_started()
    kept.start(python("other", "import time; time.sleep(60)"))
    other = children.running["other"].process.pid
    kept.start(
        python("worker", f"open({str(count)!r}, 'a').write('.'); print('READONLY replica'); raise SystemExit(1)")
    )

    until(lambda: count.exists() and count.stat().st_size >= 9, kept.tend, 60)

    lines = said.getvalue().splitlines()
    assert sum("worker died 5 times within 60 s and is started again every 0.02 s" in line for line in lines) == 1
    assert "engine   |     READONLY replica" in lines
    assert sum("worker ended with 1" in line for line in lines) == 4
    assert children.running["other"].process.pid == other


def test_a_process_that_cannot_be_started_is_tried_again(
    children: Children, said: StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keeper, "FIRST_PAUSE_S", 0.01)
    monkeypatch.setattr(keeper, "LONGEST_PAUSE_S", 0.02)
    kept = Keeper(children)
    kept.start(python("worker", "import time; time.sleep(60)"))
    kept.has_started()
    popen, failures = subprocess.Popen, [OSError(11, "Resource temporarily unavailable")] * 3

    def out_of_processes(*args: object, **options: object) -> object:
        if failures:
            raise failures.pop()
        return popen(*args, **options)  # type: ignore[call-overload]

    before = children.running["worker"].process.pid
    os.kill(before, signal.SIGKILL)
    monkeypatch.setattr(subprocess, "Popen", out_of_processes)
    until(lambda: "worker" in children.running and children.running["worker"].process.pid != before, kept.tend)

    assert said.getvalue().count("worker cannot be started: Resource temporarily unavailable") == 3


def test_a_list_of_processes_that_cannot_be_written_stops_nothing_and_is_written_later(
    children: Children, said: StringIO, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A full state disk ended the supervisor, and everything with it."""
    state, write = State(tmp_path), State.write
    kept = Keeper(children)
    kept.has_started()

    def full(*_: object) -> None:
        raise NO_SPACE

    monkeypatch.setattr(State, "write", full)
    kept.start(python("worker", "import time; time.sleep(60)"))
    for _ in range(3):
        kept.tend()
    assert said.getvalue().count("the list of processes cannot be written (No space left on device)") == 1
    assert "worker" not in state.read("processes")

    monkeypatch.setattr(State, "write", write)
    kept.tend()
    assert state.read("processes")["worker"] == children.running["worker"].process.pid


def test_an_end_on_a_full_disk_leaves_no_stale_list(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    state = State(tmp_path)
    state.write("environment", {"PORT": "3000"})
    write = Path.write_text

    def full(path: Path, *args: object, **options: object) -> int:
        if path.suffix == ".new":
            raise NO_SPACE
        return write(path, *args, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(Path, "write_text", full)
    state.forget("environment")

    assert state.read("environment") == {}


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of its own that can be filled up."""
    mount = ["mount", "-t", "tmpfs", "-o", "size=200m,mode=711", "tmpfs", str(tmp_path)]
    if os.geteuid() != 0 or subprocess.run(mount, check=False).returncode:
        pytest.skip("NOT TESTED: a full disk needs root and the right to mount one")
    tmp_path.chmod(0o711)
    yield tmp_path
    subprocess.run(["umount", "-l", str(tmp_path)], check=False)


@pytest.mark.system
def test_an_engine_outlives_a_full_state_disk_and_is_back_by_itself(small_disk: Path, start: Start) -> None:
    os.chmod(small_disk.parent, 0o711)
    engine: Engine = start(small_disk / "state").until_up()
    filler = small_disk / "filler"
    with filler.open("wb") as file, suppress(OSError):
        while True:
            file.write(b"\0" * 65536)
            file.flush()
    assert shutil.disk_usage(small_disk).free < 65536
    before = engine.processes()

    os.kill(before["valkey"], signal.SIGKILL)
    time.sleep(6)
    assert engine.process.poll() is None, "".join(engine.said)
    filler.unlink()

    def is_back() -> bool:
        try:
            with engine.connect() as database:
                database.execute("CREATE TABLE IF NOT EXISTS works_again ()")
            return bool(engine.redis().set("a", "b"))
        except (psycopg.Error, redis.RedisError):
            return False

    until(is_back, lambda: None, 30)
    until(lambda: engine.processes()["valkey"] != before["valkey"], lambda: None, 5)
    assert engine.processes()["supervisor"] == before["supervisor"]


@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="processes are known by /proc")
@pytest.mark.parametrize("known_by", ["environment", "place"])
def test_what_outlived_supervisor_and_guard_is_named(tmp_path: Path, known_by: str) -> None:
    """The port was in use, and nobody said by whom; another port traded beside the old workers."""
    (tmp_path / "valkey").mkdir()
    environment = dict(os.environ) | ({"STATE_DIR": str(tmp_path)} if known_by == "environment" else {})
    place = tmp_path / "valkey" if known_by == "place" else ROOT
    state = State(tmp_path)
    with subprocess.Popen(["sleep", "60"], env=environment, cwd=place) as left:
        state.write("processes", {"supervisor": 0, "worker": left.pid, "beat": os.getpid()})
        try:
            until(lambda: bool(state.left_over()), lambda: None)
            with pytest.raises(Refusal) as refused:
                state.lock()
            assert "worker" in str(refused.value)
            assert str(refused.value).endswith(f": kill {left.pid}")
        finally:
            left.kill()
    assert not state.left_over()
