"""What operators saw in the admin: cut tables, times without a zone, atoms and JSON."""

from collections.abc import Callable

import pytest
from django.test import Client

from dex import ChainUnavailable, Engine
from orders.admin.cells import amount, facts, gwei, moment, table
from orders.models import Account, Order, Wallet
from orders.tests.factories import place, terms

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def own_engine(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> Engine:
    for module in ("orders.admin.order_filters", "orders.admin.wallets", "orders.admin.pauses"):
        monkeypatch.setattr(f"{module}.get_engine", lambda: engine)
    return engine


@pytest.fixture
def filled(account: Account, own_engine: Engine, drive: Callable[..., None]) -> Order:
    [order] = place(account, terms(amount=2_500 * 10**9))
    drive()
    order.refresh_from_db()
    assert order.outcome == "filled"
    return order


def page(client: Client, path: str) -> str:
    answer = client.get(path)
    assert answer.status_code == 200
    return answer.content.decode()


def test_an_order_is_shown_in_token_units_and_with_zoned_times(admin_client: Client, filled: Order) -> None:
    told = page(admin_client, f"/admin/orders/order/{filled.pk}/change/")

    assert f"2,500 SOL → {amount(filled.amount_out, 6, 'USDC')}" in told
    assert moment(filled.created_at) in told
    assert '<th scope="row">max slippage bps</th><td>50</td>' in told
    assert "_ppm" not in told
    assert filled.tx_hash is not None
    assert f'<code class="hash">{filled.tx_hash}</code>' in told
    assert " gwei</td>" in told
    assert "+00:00" not in told


def test_a_failure_is_words_and_not_json(admin_client: Client, account: Account, drive: Callable[..., None]) -> None:
    [order] = place(account, terms(min_amount_out=10**30))
    drive()

    told = page(admin_client, f"/admin/orders/order/{order.pk}/change/")

    assert '<th scope="row">next</th><td>Lower guards.min_amount_out' in told
    assert "<pre>" not in told


def test_lists_have_amounts_in_token_units_and_times_in_utc(admin_client: Client, filled: Order) -> None:
    listed = page(admin_client, "/admin/orders/order/")
    fills = page(admin_client, "/admin/orders/fill/")

    assert "2,500 SOL → USDC" in listed
    assert amount(filled.amount_out, 6, "USDC") in listed
    assert moment(filled.created_at, "seconds").removesuffix(" UTC") in listed
    assert "Placed (UTC)" in listed
    assert "2,500 SOL" in fills
    assert " UTC" in fills


def test_a_wallet_shows_what_it_holds(
    admin_client: Client, filled: Order, own_engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    wallet = Wallet.objects.get()
    address = f"/admin/orders/wallet/{wallet.pk}/change/"
    held = own_engine.chain.balances(wallet.address)["USDC"]

    assert f"<td>USDC</td><td>{amount(held, 6)}</td>" in page(admin_client, address)

    def away(wallet: str) -> dict[str, int]:
        raise ChainUnavailable("the <node> is away")

    monkeypatch.setattr(own_engine.chain, "balances", away)
    assert "not known: the &lt;node&gt; is away" in page(admin_client, address)


def test_cells_escape_and_leave_out_what_is_empty() -> None:
    assert facts({"a_b": "<x>", "none": None, "empty": [], "zero": 0, "inner": {"k": [1, 2]}}).count("<tr>") == 4
    assert "&lt;x&gt;" in facts({"a": "<x>"})
    assert facts({"none": None}) == table(("a",), []) == "–"
    assert (gwei(2_500_000_000), amount(None, 6)) == ("2.5 gwei", "–")
