"""`python -m orderengine.devstack run` and `python -m orderengine.devstack with-servers -- COMMAND`."""

import argparse
import sys
from pathlib import Path

from orderengine.devstack.children import Interrupted
from orderengine.devstack.run import run
from orderengine.devstack.with_servers import with_servers
from orderengine.output import show_everything
from orderengine.refusal import Refusal

ROOT = Path(__file__).resolve().parents[2]
# What a shell answers for a command that Ctrl-C ended.
INTERRUPTED = 130


def main() -> int | str:
    """Run the command that the arguments name; return what `sys.exit` takes."""
    show_everything()
    parser = argparse.ArgumentParser(prog="devstack", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    running = commands.add_parser("run", help="servers, web, worker and beat until Ctrl-C")
    running.add_argument("--only-servers", action="store_true", help="no web, worker and beat")
    running.add_argument("--reload", action="store_true", help="start them again whenever a file of theirs is saved")
    throw_away = commands.add_parser("with-servers", help="run one command beside throw-away servers")
    throw_away.add_argument("argv", nargs="+", metavar="-- COMMAND")
    chosen = parser.parse_args()
    try:
        if chosen.command == "run":
            return run(ROOT, only_servers=chosen.only_servers, reload=chosen.reload)
        return with_servers(ROOT, chosen.argv)
    except Refusal as refusal:
        return f"error: {refusal}"
    except OSError as error:
        return f"error: {error}\n  Way out: make that possible, or choose another place: STATE_DIR=/some/where make run"
    except (KeyboardInterrupt, Interrupted):
        return INTERRUPTED


if __name__ == "__main__":
    sys.exit(main())
