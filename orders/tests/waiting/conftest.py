"""What tests of waiting orders share."""

import pytest

from orders.config import Policy
from orders.models import Account
from orders.tests.waiting.market import Market
from orders.tests.waiting.pools import Birthplace, Launchpad, Registry


@pytest.fixture
def market(account: Account, policy: Policy) -> Market:
    """SOL at 100 USDC on a chain in memory, the tokens registered."""
    return Market(policy)


@pytest.fixture
def pad(account: Account, policy: Policy) -> Launchpad:
    """A chain that dates no pool."""
    return Launchpad(policy, Birthplace(()))


@pytest.fixture
def registry(account: Account, policy: Policy) -> Launchpad:
    """A chain that dates its pools."""
    return Launchpad(policy, Registry(()))
