"""State directories and supervisors that are ended also where the test fails."""

import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from orderengine.devstack.environment import free_port
from orderengine.tests.engines import Engine, Start


@contextmanager
def state_directory() -> Iterator[Path]:
    """A state directory in shared memory that the servers' account can enter, with ports nobody prefers."""
    shared_memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    directory = Path(tempfile.mkdtemp(prefix="orderengine-test-", dir=shared_memory))
    directory.chmod(0o711)
    (directory / "ports.json").write_text(json.dumps({"postgres": free_port(), "valkey": free_port()}))
    yield directory
    shutil.rmtree(directory)


@pytest.fixture
def state() -> Iterator[Path]:
    """A state directory of the test's own."""
    with state_directory() as directory:
        yield directory


@pytest.fixture
def start() -> Iterator[Start]:
    """Starts engines, and ends them also where the test fails."""
    started: list[Engine] = []

    def one(state: Path, **environment: str) -> Engine:
        started.append(Engine(state, **environment))
        return started[-1]

    yield one
    for engine in started:
        if engine.process.poll() is None:
            engine.stop()


@pytest.fixture
def engine(state: Path, start: Start) -> Engine:
    """A running supervisor with its servers alone."""
    return start(state).until_up()
