"""What callers try who want more than their key gives: each of these got through once."""

import pytest

from orders.models import Account, Order
from orders.tests.test_api import Api

pytestmark = pytest.mark.usefixtures("tokens")


@pytest.fixture
def api(account: Account) -> Api:
    return Api(account)


def nested(depth: int, core: str = "") -> str:
    return "[" * depth + core + "]" * depth


@pytest.mark.parametrize("depth", [10, 300, 1_020, 2_000])
@pytest.mark.parametrize("core", ["", '"\\u0000"'])
@pytest.mark.parametrize(
    "shape", ['{"orders": [{"a": %s}]}', '{"orders": [{"tags": {"a": %s}}], "atomic": true}', "%s"]
)
@pytest.mark.parametrize("path", ["orders", "orders/batch", "quotes", "ws-tickets", "halt"])
def test_deep_input_is_refused_whatever_comes_with_it(api: Api, path: str, shape: str, core: str, depth: int) -> None:
    answer = api.post(path, shape % nested(depth, core), **{"Idempotency-Key": "deep"})

    assert answer.status_code in {207, 400, 422}, answer.content[:300]
    assert not Order.objects.exists()
