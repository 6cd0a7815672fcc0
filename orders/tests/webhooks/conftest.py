"""A caller who makes webhooks, to receivers on this machine."""

from ipaddress import ip_network
from typing import Any

import pytest

from orders.models import Account
from orders.scopes import SCOPES
from orders.tests.http_client import Api


@pytest.fixture(autouse=True)
def loopback_is_allowed(settings: Any) -> None:
    """Receivers of tests are here."""
    settings.WEBHOOK_ALLOW_PRIVATE = [ip_network("127.0.0.0/8")]


@pytest.fixture
def api(account: Account) -> Api:
    """A caller with every scope."""
    return Api(account, scopes=list(SCOPES))
