#!/usr/bin/env python
"""Django's command line with this project's settings, attached to the engine that `make run` runs here."""

import os
import sys
from pathlib import Path

NEED_NO_DATABASE = {"help", "--help", "-h", "version", "--version"}


def main() -> None:
    """Run one management command."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "orderengine.settings")
    try:
        from django.core.management import execute_from_command_line

        from orderengine.devstack.attach import attach
    except ModuleNotFoundError as error:
        sys.exit(f"{error}: run `make setup`, then .venv/bin/python manage.py ...")
    if not attach(Path(__file__).resolve().parent) and not NEED_NO_DATABASE.intersection(sys.argv):
        sys.exit("No engine runs here and DATABASE_URL is not set: `make run` in another terminal, then again.")
    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
