"""Lets a second terminal talk to the engine that runs: `manage.py seed` needs its ports and passwords."""

import os
from pathlib import Path

from orderengine.devstack.environment import load, state_directory
from orderengine.devstack.state import is_alive, read_table


def attach(root: Path) -> bool:
    """Complete this process's environment; return whether there is a database to talk to."""
    configured = load(root)
    state = state_directory(root, configured)
    running = is_alive(read_table(state, "processes").get("supervisor", 0))
    for name, value in (read_table(state, "environment") if running else {}).items():
        os.environ.setdefault(name, value)
    return running or "DATABASE_URL" in configured
