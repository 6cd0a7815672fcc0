"""Small symmetric systems: Gauss without exchanging rows, which positive definite matrices do not need.

A matrix is a stack of blocks of as many rows each. Only the upper triangles are read and written.
"""

from __future__ import annotations

from dex.router.kernel import Floats, part


@part
def factorise(matrix: Floats, n: int, block: int) -> None:
    """Eliminate below the diagonals of the first n rows."""
    for k in range(n):
        first = k // block * block
        for i in range(k + 1, first + block):
            if matrix[k, i - first] != 0.0:
                factor = matrix[k, i - first] / matrix[k, k - first]
                for j in range(i - first, block):
                    matrix[i, j] -= factor * matrix[k, j]


@part
def substitute(matrix: Floats, x: Floats, n: int, block: int) -> None:
    """Solve a factorised system in place: x holds the right side, then the solution."""
    for k in range(n):
        first = k // block * block
        x[k] /= matrix[k, k - first]
        for i in range(k + 1, first + block):
            x[i] -= matrix[k, i - first] * x[k]
    for k in range(n - 1, -1, -1):
        first, rest = k // block * block, 0.0
        for i in range(k + 1, first + block):
            rest += matrix[k, i - first] * x[i]
        x[k] -= rest / matrix[k, k - first]
