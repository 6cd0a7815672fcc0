"""A caller of the API, and bodies that it takes."""

import json
from pathlib import Path
from typing import Any

from django.test import Client

from dex.chains.simulated import market
from dex.venues import VENUES
from orders.models import Account
from orders.tests.factories import api_key

GOOD = {"token_in": "SOL", "token_out": "USDC", "amount": "2.5"}
_ENTRIES = json.loads(Path(market.__file__).with_name("market.json").read_text())["pools"]
# The venues of the simulated chain, which its market file names, by name.
VENUE_NAMES = {name: venue.display_name for name, venue in VENUES.items() if name in {e["venue"] for e in _ENTRIES}}
POOLS = len(_ENTRIES)


class Api:
    """A caller with a key: `text`, or a new one of the account with these fields."""

    def __init__(self, account: Account, *, text: str = "", **fields: Any) -> None:
        self.account = account
        self.text = text or api_key(account, **fields)
        self.client = Client(headers={"Authorization": f"Bearer {self.text}"}, raise_request_exception=False)

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        raw = "" if body is None else json.dumps(body)
        return self.client.generic(method, f"/api/v1/{path}", raw, content_type="application/json")

    def post(self, path: str, body: Any, **headers: str) -> Any:
        raw = body if isinstance(body, (str, bytes)) else json.dumps(body)
        return self.client.post(f"/api/v1/{path}", raw, content_type="application/json", headers=headers)

    def get(self, path: str) -> Any:
        return self.client.get(f"/api/v1/{path}")

    def delete(self, path: str) -> Any:
        return self.client.delete(f"/api/v1/{path}")
