"""Loads exact swap results of the real programs; VECTORS_DIR names another folder with files of the same form."""

import json
import os
from pathlib import Path
from typing import Any

VECTORS_DIR = Path(os.environ.get("VECTORS_DIR") or Path(__file__).parent / "vectors")


def load_vectors(kind: str, key: str) -> list[dict[str, Any]]:
    """The list under `key` in the file of a pool kind."""
    cases: list[dict[str, Any]] = json.loads((VECTORS_DIR / f"{kind}.json").read_text(encoding="utf-8"))[key]
    assert cases, f"{kind}.json holds no {key}"
    return cases
