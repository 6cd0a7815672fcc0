"""The tables that a supervisor keeps in its state directory, as commands beside it read them."""

import json
import os
from pathlib import Path
from typing import Any


def read_table(directory: Path, name: str) -> dict[str, Any]:
    """A remembered table, empty when there is none that we may read."""
    try:
        table: dict[str, Any] = json.loads((directory / f"{name}.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return table


def is_alive(pid: int) -> bool:
    """Whether there is a process of this number."""
    if not pid:
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True
