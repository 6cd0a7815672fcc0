"""Numpy and the kernels of the extra `fast`, one after the other."""

from collections.abc import Iterator

import pytest

from dex.router.kernel import kernels_on, use_kernels

KERNELS_MISSING = "numba is not installed: the kernels of the extra `fast` are NOT tested (make setup FAST=1)"


@pytest.fixture(scope="module", params=["numpy", "kernels"])
def arithmetic(request: pytest.FixtureRequest) -> Iterator[None]:
    """Runs what uses it twice."""
    before, wanted = kernels_on(), request.param == "kernels"
    if use_kernels(wanted) is not wanted:
        pytest.skip(KERNELS_MISSING)
    yield
    use_kernels(before)
