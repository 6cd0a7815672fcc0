"""What tests of explanations share."""

import pytest

from orders.config import Policy
from orders.models import Account
from orders.tests.waiting.market import Market


@pytest.fixture
def market(account: Account, policy: Policy) -> Market:
    """SOL at 100 USDC on a chain in memory, the tokens registered."""
    return Market(policy)
