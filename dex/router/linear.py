"""Sums by owner and small dense systems, without the checks that cost more than the arithmetic."""

from __future__ import annotations

from typing import Any

import numpy as np

from dex.router.pieces import Floats, Ints

_lapack: Any = getattr(getattr(np.linalg, "_umath_linalg", None), "solve1", None)


def solve_small(matrix: Floats, right: Floats) -> Floats:
    """Solve matrix @ x = right; not a number where the matrix is singular."""
    if _lapack is not None:
        solution: Floats = _lapack(matrix, right)
        return solution
    try:
        return np.linalg.solve(matrix, right).astype(np.float64)
    except np.linalg.LinAlgError:
        return np.full_like(right, np.nan)


def sums(owner: Ints, amounts: Floats, size: int) -> Floats:
    """The sum of the amounts of each owner, 0 .. size-1."""
    totals: Any = np.bincount(owner, amounts, size)  # typed as if it always counted
    floats: Floats = totals
    return floats
