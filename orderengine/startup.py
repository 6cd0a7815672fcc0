"""Refuses to start on settings that would lose or leak something: web, worker and beat ask here, not only `check`."""

import sys

from django.core.checks import run_checks

# The tag of orders/checks.py: a few comparisons each, no database.
TAG = "startup"


def refuse_unsafe() -> None:
    """Name every error of the checks and raise SystemExit. Needs loaded apps."""
    errors = [message for message in run_checks(tags=[TAG]) if message.is_serious()]
    if errors:
        lines = [f"  {error.msg} ({error.id})" + (f"\n    {error.hint}" if error.hint else "") for error in errors]
        # Celery has put a logger in the place of sys.stderr, which says nothing any more at exit.
        (sys.__stderr__ or sys.stderr).write("\n".join(["This engine does not start:", *lines, ""]))
        sys.exit(1)
