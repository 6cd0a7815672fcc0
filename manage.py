#!/usr/bin/env python
"""Django's command line with this project's settings, attached to the engine that `make run` runs here."""

import errno
import os
import secrets
import sys
from pathlib import Path

NEED_NO_DATABASE = {"help", "--help", "-h", "version", "--version", "solve"}
# The settings load with an address and a secret only; commands that need neither get some that lead nowhere.
NOWHERE = {"DATABASE_URL": "postgresql://nowhere.invalid/none", "SECRET_KEY": secrets.token_hex(32)}
# What a shell calls the end of a program whose reader went away: 128 and the signal SIGPIPE.
BROKEN_PIPE = 141
NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
# Small dense algebra is far slower on several threads than on one; numpy looks here when it is first imported.
THREAD_COUNTS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")


def main() -> None:
    """Run one management command."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "orderengine.settings")
    for name in THREAD_COUNTS:
        os.environ.setdefault(name, "1")
    try:
        from django.core.management import execute_from_command_line

        from orderengine.environment.attach import attach
        from orderengine.output import show_everything
        from orderengine.refusal import Refusal
        from orders.database.write_watch import watch_process
    except ModuleNotFoundError as error:
        sys.exit(f"{error}: run `make setup`, then .venv/bin/python manage.py ...")
    show_everything()
    try:
        is_attached = attach(Path(__file__).resolve().parent)
    except Refusal as refusal:
        is_attached = needs_no_database(sys.argv) or sys.exit(f"error: {refusal}")
    if needs_no_database(sys.argv):
        os.environ.update({name: value for name, value in NOWHERE.items() if not os.environ.get(name)})
    elif not is_attached:
        sys.exit("No engine runs here and DATABASE_URL is not set: `make run` in another terminal, then again.")
    watch_process()
    try:
        execute_from_command_line(sys.argv)
        sys.stdout.flush()
    except Exception as error:
        _end(error)


def _end(error: Exception) -> None:
    """Say what is away in one sentence; anything else ends with its trace."""
    from orderengine.output import leave_unread

    if isinstance(error, BrokenPipeError):
        # The reader has read enough, as `| head` does; what is still buffered has nowhere to go at the exit either.
        leave_unread(sys.stdout)
        sys.exit(BROKEN_PIPE)
    if isinstance(error, OSError) and error.errno in NO_ROOM and error.filename is None:
        leave_unread(sys.stdout)
        sys.exit(f"error: the output cannot be written ({error.strerror}); what the command was to do is done")
    from django.conf import settings

    if not settings.configured or "--traceback" in sys.argv:
        raise error
    from orders.cli.failures import sentence  # what it needs takes a moment to load, and loaded settings

    words = sentence(error)
    if words is None:
        raise error
    sys.exit(f"error: {words}")


def needs_no_database(arguments: list[str]) -> bool:
    """Whether the command is one that touches no server, or only help is asked for."""
    command, options = arguments[1:2], arguments[2:]
    if command == ["receipt"] and options[:1] == ["verify"]:
        return True
    return not command or command[0] in NEED_NO_DATABASE or bool({"-h", "--help"}.intersection(options))


if __name__ == "__main__":
    main()
