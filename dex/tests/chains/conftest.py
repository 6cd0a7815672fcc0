"""The chains of the registry, each with a wallet that trades on it."""

import pytest

from dex.testing.chain_bench import open_bench, params
from dex.tests.chains.desk import Desk


@pytest.fixture(params=params())
def desk(request: pytest.FixtureRequest) -> Desk:
    """On a fresh chain."""
    return Desk.on(open_bench(request.param, request))
