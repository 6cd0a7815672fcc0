"""What computed a route: another version, or another machine's floats, may find another one."""

import hashlib
import platform
from functools import cache
from pathlib import Path

import numpy as np

from dex.router.kernel import kernels_on

_DEX = Path(__file__).resolve().parents[1]
# What a route follows from, beside the values that it is given.
_PARTS = ("router", "pools", "recorded")
_SHOWN = 16


@cache
def router_version() -> str:
    """The first digits of a hash over the sources that routes follow from."""
    digest = hashlib.sha256()
    files = [*_DEX.glob("*.py"), *(file for part in _PARTS for file in (_DEX / part).rglob("*.py"))]
    for file in sorted(files, key=lambda file: file.relative_to(_DEX).as_posix()):
        digest.update(file.relative_to(_DEX).as_posix().encode() + b"\0" + file.read_bytes() + b"\0")
    return digest.hexdigest()[:_SHOWN]


def program_json() -> dict[str, object]:
    """The router's version, and what its floats depend on: the machine, numpy, and whether kernels are compiled."""
    return {
        "router": router_version(),
        "numpy": np.__version__,
        "machine": platform.machine(),
        "is_compiled": kernels_on(),
    }
