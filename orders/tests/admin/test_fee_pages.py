"""What admin pages say of network fees: of an order, of the list, and of wallets that cannot pay for more."""

import html
import re
from collections.abc import Callable, Sequence
from io import StringIO

import pytest
from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.test import Client
from django.utils import timezone

from dex.chains.simulated import SimulatedOptions
from orders.amounts import format_units, grouped
from orders.audit.record import Actor
from orders.management.commands import doctor
from orders.models import Account, ApiKey, Order, SignedTransaction, Wallet
from orders.risk.account_limits import set_limits
from orders.states import Stage
from orders.tests.charging import ChargingChain, ChargingEngine, fee_of
from orders.tests.factories import api_key, place, terms
from orders.tests.people import sign_in

pytestmark = pytest.mark.django_db(transaction=True)

INSTANT = SimulatedOptions(block_time_ms=0, quote_delay_ms=0, build_delay_ms=0, submit_delay_ms=0, noise_trades=0)
LOW = "0.001 SOL is below the floor of 0.01 SOL"


class LowChain(ChargingChain):
    """Every wallet in `low` holds too little."""

    low: dict[str, str]

    def low_on_gas(self, wallets: Sequence[str]) -> dict[str, str]:
        """See `ChargesGas`."""
        return {wallet: LOW for wallet in wallets if wallet in self.low}


@pytest.fixture
def engine(db: None) -> ChargingEngine:
    chain = LowChain(INSTANT)
    chain.low = {}
    return ChargingEngine(chain)


@pytest.fixture
def staff(client: Client) -> Client:
    sign_in(client, get_user_model().objects.create_superuser("boss"))
    return client


def words(client: Client, path: str) -> str:
    """What a person reads on a page: text without marks, blanks as one."""
    answer = client.get(path)
    assert answer.status_code == 200
    text = re.sub(r"<(script|style|svg).*?</\1>|<[^>]*>", " ", answer.content.decode(), flags=re.DOTALL)
    return " ".join(html.unescape(text).split())


@pytest.mark.parametrize("side", ["exact_in", "exact_out"])
def test_the_order_page_says_what_it_costs_and_what_is_left(
    staff: Client, account: Account, drive: Callable[..., None], side: str
) -> None:
    [order] = place(account, terms(side=side, fee_strategy="fast", max_network_fee=10**7))
    drive()
    order = Order.objects.get(pk=order.pk)
    assert order.plan is not None
    assert order.plan.network_fee is not None
    paid = f"{format_units(fee_of(order.tx_hash or ''), 9)} SOL"
    swaps = len(order.plan.route.hops)

    page = words(staff, f"/admin/orders/order/{order.id}/change/")

    assert f"Network fee, paid: {paid}, worth " in page
    expected = f"Network fee, expected: {format_units(5_000 * swaps, 9)} SOL, worth "
    assert expected in page
    assert f"for {swaps} swap" in page
    assert "Left after the network fee: " in page
    assert ("given in all" in page) is (side == "exact_out")
    assert "network fees strategy fast max native 0.01 SOL" in page
    assert ("in with the fee" if side == "exact_out" else "out net of the fee") in page
    assert f"{order.tx_hash} 0 swap {paid}" in page
    assert SignedTransaction.objects.count() == 1


def test_pages_say_what_an_order_waits_for_and_what_a_failed_one_has_paid_for_nothing(
    staff: Client, account: Account, drive: Callable[..., None]
) -> None:
    [failed] = place(account, terms(scenario="slippage"))
    drive()
    [waiting] = place(account, terms(max_network_fee=1))
    drive(Stage.ROUTE)

    page = words(staff, f"/admin/orders/order/{waiting.id}/change/")
    assert "waits for fees" in page
    assert "it may cost 0.00002 SOL on the network now, and fee.max_native leaves 0.000000001" in page
    page = words(staff, f"/admin/orders/order/{failed.id}/change/")
    failed = Order.objects.get(pk=failed.pk)
    assert f"Network fee, paid: {format_units(failed.network_fee_paid or 0, 9)} SOL, worth " in page
    assert "Left after the network fee: – " in page


def test_pages_of_accounts_and_keys_show_limits_in_units(staff: Client, account: Account) -> None:
    set_limits(account, max_open_value=20_500_000, max_open_orders=0, max_day_fees=50_000, actor=Actor("boss"))
    api_key(account, max_day_fees=1)

    page = words(staff, f"/admin/orders/account/{account.pk}/change/")
    assert "Open orders: 0 of 0 Value of open orders: 0 of 20.5 Network fees of a day: 0 of 0.05" in page
    assert "0 of 20.5 0 of 0.05" in words(staff, "/admin/orders/account/")
    key = ApiKey.objects.get(account=account)
    assert "Network fees of a day: 0 of 0.000001" in words(staff, f"/admin/orders/apikey/{key.pk}/change/")


def test_the_list_says_what_orders_have_cost_or_are_expected_to(
    staff: Client, account: Account, drive: Callable[..., None]
) -> None:
    [done] = place(account)
    drive()
    [routed] = place(account)
    Order.objects.filter(pk=routed.pk).update(route=Order.objects.get(pk=done.pk).route)
    done = Order.objects.get(pk=done.pk)
    assert done.plan is not None

    page = words(staff, "/admin/orders/order/")

    assert f"{format_units(fee_of(done.tx_hash or ''), 9)} SOL" in page
    assert f"≈ {format_units(5_000 * len(done.plan.route.hops), 9)} SOL" in page
    assert grouped("1000") == "1,000"


def test_a_wallet_that_is_low_is_named_by_its_page_the_list_and_doctor(
    staff: Client, account: Account, engine: ChargingEngine, drive: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    place(account)
    drive()
    wallet = Wallet.objects.get(account=account)
    chain = engine.chain
    assert isinstance(chain, LowChain)
    for module in ("orders.admin.wallets", "orders.management.commands.doctor"):
        monkeypatch.setattr(f"{module}.get_engine", lambda: engine)

    assert "Pays for transactions: yes" in words(staff, f"/admin/orders/wallet/{wallet.pk}/change/")
    assert "can pay for transactions" in doctor._wallets()
    chain.low = {wallet.address: LOW}
    Wallet.objects.update(low_since=timezone.now())

    assert f"Pays for transactions: too little for many more: {LOW}" in words(
        staff, f"/admin/orders/wallet/{wallet.pk}/change/"
    )
    assert wallet.address in words(staff, "/admin/orders/wallet/?low_since__isempty=0")
    assert wallet.address not in words(staff, "/admin/orders/wallet/?low_since__isempty=1")
    with pytest.raises(doctor.Missing, match=LOW) as missing:
        doctor._wallets()
    assert missing.value.fix == f"send SOL to {wallet.address}"
    with pytest.raises(SystemExit):
        call_command("doctor", stdout=StringIO())
