"""Small symmetric systems: Gauss without exchanging rows, which positive definite matrices do not need."""

from __future__ import annotations

from dex.router.fast.kernel import Floats, part


@part
def factorise(matrix: Floats, n: int) -> None:
    """Eliminate below the diagonal of the first n rows; reads and writes the upper triangle only."""
    for k in range(n):
        for i in range(k + 1, n):
            factor = matrix[k, i] / matrix[k, k]
            if factor != 0.0:
                for j in range(i, n):
                    matrix[i, j] -= factor * matrix[k, j]


@part
def substitute(matrix: Floats, x: Floats, n: int) -> None:
    """Solve a factorised system in place: x holds the right side, then the solution."""
    for k in range(n):
        x[k] /= matrix[k, k]
        for i in range(k + 1, n):
            x[i] -= matrix[k, i] * x[k]
    for k in range(n - 1, -1, -1):
        rest = 0.0
        for i in range(k + 1, n):
            rest += matrix[k, i] * x[i]
        x[k] -= rest / matrix[k, k]
