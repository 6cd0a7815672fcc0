"""Who asks for receipts, and who signs them."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from orders.models import Account, Order
from orders.receipts.keys import PrivateKey, make_private_key
from orders.scopes import SCOPES
from orders.tests.factories import api_key

Ask = Callable[..., Any]


@pytest.fixture
def key(tmp_path: Path, settings: Any) -> PrivateKey:
    """The key of this engine."""
    path = tmp_path / "receipt-key.pem"
    settings.RECEIPT_KEY_FILE = str(path)
    return make_private_key(path)


@pytest.fixture
def ask(account: Account) -> Ask:
    """What the API answers about an order of the account."""
    client = Client(headers={"Authorization": f"Bearer {api_key(account, scopes=list(SCOPES))}"})

    def ask(order: Order, what: str, body: Any = None) -> Any:
        address = f"/api/v1/orders/{order.id}/{what}"
        if body is None:
            return client.get(address)
        return client.post(address, json.dumps(body), content_type="application/json")

    return ask
