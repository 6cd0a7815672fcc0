"""Sums by owner and small dense systems, without the argument checks that cost more than the arithmetic."""

from __future__ import annotations

from typing import Any

import numpy as np

from dex.router.graph.segments import Floats, Ints

_lapack: Any = getattr(getattr(np.linalg, "_umath_linalg", None), "solve1", None)


def solve_small(matrix: Floats, right: Floats) -> Floats:
    """Solve matrix @ x = right, of one system or a stack of them; not a number where a matrix is singular."""
    if _lapack is not None:
        solution: Floats = _lapack(matrix, right)
        return solution
    try:
        return np.linalg.solve(matrix, right[..., None])[..., 0].astype(np.float64)
    except np.linalg.LinAlgError:
        return np.full_like(right, np.nan)


def sums(owner: Ints, amounts: Floats, size: int) -> Floats:
    """The sum of the amounts of each owner, 0 .. size-1."""
    totals: Any = np.bincount(owner, amounts, size)  # the stubs say integers, also with weights
    floats: Floats = totals
    return floats
