"""Compiles plain loops with numba where that is installed; nothing else imports it.

Kernels are compiled for the types in their annotations when their module loads, never in the middle of an order,
and cached beside the sources under a hash of all of them: numba itself checks one file only.
Source: https://numba.readthedocs.io/en/stable/developer/caching.html
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, Final, TypeVar, get_type_hints

import numpy as np
from numpy.typing import NDArray

log = logging.getLogger(__name__)

try:
    import numba
except ImportError as error:
    numba = None
    if not isinstance(error, ModuleNotFoundError):  # a numba that this numpy is too new for, say
        log.warning("the extra `fast` stays unused: %s", error)

AnyFunction = TypeVar("AnyFunction", bound=Callable[..., Any])
Floats = NDArray[np.float64]
Ints = NDArray[np.intp]
Bools = NDArray[np.bool_]
Families = NDArray[np.int8]
Table = Annotated[Floats, "two dimensions"]

_TYPES: Final = {
    float: "float64",
    int: "intp",
    bool: "boolean",
    Floats: "float64[::1]",
    Ints: "intp[::1]",
    Bools: "boolean[::1]",
    Families: "int8[::1]",
    Table: "float64[:, ::1]",
}
# As numpy: what divides by zero is infinite or not a number. Sums are added up in their order.
_OPTIONS: Final = {"error_model": "numpy", "fastmath": False}


_ROUTER: Final = Path(__file__).resolve().parent
KERNELS: Final = _ROUTER / "fast"
SHARED: Final = (
    "kernel",
    "graph/curve_families",
    "graph/segments",
)  # the only other modules that kernels take anything from


class _Switch:
    can_compile: bool = numba is not None and not numba.config.DISABLE_JIT
    is_on: bool = can_compile


def kernels_on() -> bool:
    """Whether kernels are called: where numba is installed, unless they are switched off."""
    return _Switch.is_on


def use_kernels(wanted: bool) -> bool:
    """Switch kernels on or off, for all of this process; whether they are on then."""
    _Switch.is_on = wanted and _Switch.can_compile
    return _Switch.is_on


def part(function: AnyFunction) -> AnyFunction:
    """Let kernels call a function, which itself stays as it is."""
    if _Switch.can_compile:
        numba.extending.register_jitable(**_OPTIONS)(function)
    return function


def kernel(function: AnyFunction) -> AnyFunction:
    """Compile a function, or load what was compiled before; it stays as it is where that cannot be kept."""
    if not _Switch.can_compile:
        return function
    hints = get_type_hints(function, include_extras=True)
    hints.pop("return")
    signature = f"({', '.join(_TYPES[hint] for hint in hints.values())},)"
    try:
        compiled: AnyFunction = numba.njit(signature, cache=True, **_OPTIONS)(function)
    except RuntimeError as error:
        log.warning("the extra `fast` stays unused: %s", error)
        _Switch.can_compile = _Switch.is_on = False
        return function
    return compiled


def _keep_apart() -> None:
    """Have numba cache machine code under a hash of all sources that may be in it."""
    state = hashlib.sha256()
    for source in [*sorted(KERNELS.glob("*.py")), *(_ROUTER / f"{name}.py" for name in SHARED)]:
        state.update(source.read_bytes())
    kept_in = numba.config.CACHE_DIR or KERNELS / "__pycache__"
    numba.config.CACHE_DIR = str(Path(kept_in) / f"kernels-{state.hexdigest()[:16]}")


if _Switch.can_compile:
    _keep_apart()
