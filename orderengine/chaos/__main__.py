"""`python -m orderengine.chaos --level 1`: one JSON line on standard output, exit code 1 when a promise is broken."""

import argparse
import json
import shutil
import sys
import tempfile
import time
from pathlib import Path

from orderengine.chaos.hooks import VARIABLE
from orderengine.chaos.levels import Level, level
from orderengine.chaos.run import SETTLE_LIMIT_S, Run, say
from orderengine.chaos.soak import skewed_clock
from orderengine.chaos.stack import Stack
from orderengine.devstack.children import Children, Interrupted
from orderengine.devstack.console import Console
from orderengine.devstack.state import State
from orderengine.output import show_everything
from orderengine.refusal import Refusal

INTERRUPTED = 130


def main() -> int | str:
    """Run the level that the arguments name; return what `sys.exit` takes."""
    show_everything()
    options = _options()
    chosen = level(options.level, options.orders, options.rate, options.duration)
    seed = options.seed if options.seed is not None else int(time.time())
    say(f"level {options.level}, {chosen.orders} orders at {chosen.rate:g}/s, SEED={seed}")
    directory = Path(tempfile.mkdtemp(prefix="orderengine-chaos-"))
    directory.chmod(0o711)
    try:
        return _run(directory, chosen, options, seed)
    except Refusal as refusal:
        return f"error: {refusal}"
    except (KeyboardInterrupt, Interrupted):
        return INTERRUPTED
    finally:
        if options.keep:
            say(f"the state is kept in {directory}")
        else:
            shutil.rmtree(directory, ignore_errors=True)


def _run(directory: Path, chosen: Level, options: argparse.Namespace, seed: int) -> int:
    faults = directory / "faults"
    faults.mkdir()
    shares = {"skipped": chosen.skipped, "doubled": chosen.doubled, "late": chosen.late}
    chaos = json.dumps({"seed": seed, "directory": str(faults), **shares})
    state = State(directory)
    state.lock()
    with Children(state, Console(sys.stderr, quiet=not options.verbose)) as children:
        stack = Stack(state, children, {VARIABLE: chaos, **chosen.environment})
        stack.start_apps(skewed_clock() if chosen.is_clock_skewed else {})
        figures, broken = Run(stack, chosen, seed, options.settle).judge()
    sys.stdout.write(json.dumps({"level": options.level, "seed": seed, **figures}) + "\n")
    for name, offenders in broken.items():
        say(f"BROKEN {name}: {offenders}")
    if not broken:
        say("every promise was kept")
    return 1 if broken else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="chaos", description=__doc__)
    parser.add_argument("--level", type=int, choices=(1, 2, 3), default=1)
    parser.add_argument("--orders", type=int, help="instead of the level's number")
    parser.add_argument("--rate", type=float, help="orders a second (40)")
    parser.add_argument("--seed", type=int, help="repeats orders and faults; else the time")
    parser.add_argument("--duration", type=float, help="seconds of a soak (3600)")
    parser.add_argument("--settle", type=float, default=SETTLE_LIMIT_S, help="seconds to wait for the last orders")
    parser.add_argument("--verbose", action="store_true", help="show what the processes say")
    parser.add_argument("--keep", action="store_true", help="keep the data of the run")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
