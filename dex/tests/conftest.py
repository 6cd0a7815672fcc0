"""Settings of the property tests; numpy and the kernels of the extra `fast`, one after the other."""

from collections.abc import Iterator

import pytest
from hypothesis import settings

from dex.router.kernel import kernels_on, use_kernels

# Shared machines stall now and then; a slow example is no failure.
settings.register_profile("dex", settings.get_profile("default"), deadline=None, max_examples=60)
settings.load_profile("dex")

KERNELS_MISSING = "numba is not installed: the kernels of the extra `fast` are NOT tested (make setup FAST=1)"


@pytest.fixture(scope="module", params=["numpy", "kernels"])
def arithmetic(request: pytest.FixtureRequest) -> Iterator[None]:
    """Runs what uses it twice."""
    before, wanted = kernels_on(), request.param == "kernels"
    if use_kernels(wanted) is not wanted:
        pytest.skip(KERNELS_MISSING)
    yield
    use_kernels(before)
