"""Seconds from a save to web, worker and beat ready with it, under `make dev`.

Run: make bench ARGS="reload --saves 10".
"""

import argparse
import json
import statistics
import tempfile
import time
from pathlib import Path

from orderengine.tests.conftest import state_directory
from orderengine.tests.devstack.reloading import APPS, Copy
from orderengine.tests.engines import is_running

# Between two saves: the libraries for the next start are loaded meanwhile, on a busy machine too.
PAUSE_S = 15.0


def main() -> None:
    """Print median and longest of each process, of all three, and of the end of those before, as one JSON line."""
    parser = argparse.ArgumentParser(prog="reload", description=__doc__)
    parser.add_argument("--saves", type=int, default=10)
    saves = parser.parse_args().saves
    took: dict[str, list[float]] = {name: [] for name in (*APPS, "all", "old_gone")}
    with tempfile.TemporaryDirectory(prefix="order-engine-bench-") as directory, state_directory() as state:
        copy = Copy(Path(directory), state)
        copy.start()
        for number in range(saves):
            time.sleep(PAUSE_S)
            for name, seconds in measure(copy, f"save {number}").items():
                took[name].append(seconds)
        copy.engine.stop()
    shown = {name: [round(statistics.median(each), 2), round(max(each), 2)] for name, each in took.items()}
    print(json.dumps({"saves": saves, "seconds": "median, longest", **shown}))


def measure(copy: Copy, mark: str) -> dict[str, float]:
    """Save once; the seconds until each process was ready, all three were, and the three before had ended."""
    old = copy.apps()
    began, ready = time.monotonic(), dict[str, float]()
    copy.save(mark)
    while len(ready) < len(APPS):
        for name, loaded in copy.loaded().items():
            if loaded == mark:
                ready.setdefault(name, time.monotonic() - began)
        time.sleep(0.01)
    copy.until(lambda: not any(map(is_running, old.values())))
    return ready | {"all": max(ready.values()), "old_gone": time.monotonic() - began}


if __name__ == "__main__":
    main()
