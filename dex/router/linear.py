"""Small dense systems without the checks of the public function, which cost more than the elimination itself."""

from __future__ import annotations

from typing import Any

import numpy as np

from dex.router.pieces import Floats

_lapack: Any = getattr(getattr(np.linalg, "_umath_linalg", None), "solve1", None)


def solve_small(matrix: Floats, right: Floats) -> Floats:
    """Solve matrix @ x = right; not a number where the matrix is singular."""
    if _lapack is not None:
        solution: Floats = _lapack(matrix, right)
        return solution
    try:
        return np.linalg.solve(matrix, right)
    except np.linalg.LinAlgError:
        return np.full_like(right, np.nan)
