"""How the local chain's packages get there."""

import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from dex.chains.evm.local import install

# Stands in for npm: complains when another one is at work in the same folder.
NPM = """
import pathlib, time
at_work = pathlib.Path("at-work")
at_work.mkdir()
time.sleep(0.2)
at_work.rmdir()
with open("runs", "a") as runs:
    runs.write(".")
"""


def test_who_wants_it_at_the_same_time_waits_and_installs_nothing_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(install, "NPM", (sys.executable, "-c", NPM))
    monkeypatch.setattr(install, "has_npm", lambda: True)

    with ThreadPoolExecutor(4) as pool:
        folders = list(pool.map(lambda _: install.install(tmp_path / "chain"), range(4)))

    assert set(folders) == {tmp_path / "chain"}
    assert (tmp_path / "chain" / "runs").read_text() == "."
