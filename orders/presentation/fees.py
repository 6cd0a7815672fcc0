"""What the network charges, as every answer states it: estimated with a route, and paid."""

from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

from dex import FeeStrategy, Side, Token
from orders.amounts import format_units
from orders.models import Order
from orders.plan import SwapPlan
from orders.presentation.amounts import amount
from orders.shapes import ABSENT, Field, Shape, choice, text
from orders.terms import SwapTerms

T = TypeVar("T")

VALUE = "The same in token_out for exact_in, in token_in for exact_out, at what the pools gave for it; null: not known."


class ShownFee(NamedTuple):
    """Atoms of the native token, and their value in atoms of the side that is not fixed."""

    token: str
    amount: int
    decimals: int
    value: int | None
    value_decimals: int


class StatedFees(NamedTuple):
    """What the owner said about fees: the strategy, the most native atoms, and the exponent of these."""

    strategy: str
    max_native: int | None
    decimals: int


NETWORK_FEE = Shape[ShownFee](
    "NetworkFeeShape",
    "What the network charges, in the chain's own token.",
    {
        "token": text(),
        **amount("amount", lambda fee: fee.amount, lambda fee: fee.decimals),
        **amount("value", lambda fee: fee.value, lambda fee: fee.value_decimals, VALUE, null=True),
    },
)
FEE_LIMITS = Shape[StatedFees](
    "FeeLimitsShape",
    "How much the order offers for its place in a block, and the most that its swaps may cost in all.",
    {
        "strategy": choice(FeeStrategy),
        "max_native": text(
            lambda fees: None if fees.max_native is None else format_units(fees.max_native, fees.decimals),
            "Units of the chain's own token; null: no limit.",
            null=True,
        ),
    },
)


def net_amounts(
    read: Callable[[T], int | None],
    side: Callable[[T], str],
    decimals_in: Callable[[T], int],
    decimals_out: Callable[[T], int],
    about: str,
) -> dict[str, Field[T]]:
    """The net amount under the name for its side: `net_amount_out` of exact_in, `net_amount_in` of exact_out."""
    return {
        **amount(
            "net_amount_out",
            lambda source: read(source) if side(source) == Side.EXACT_IN else ABSENT,
            decimals_out,
            f"exact_in: output less the network fee, {about}; null: not known.",
            null=True,
            optional=True,
        ),
        **amount(
            "net_amount_in",
            lambda source: read(source) if side(source) == Side.EXACT_OUT else ABSENT,
            decimals_in,
            f"exact_out: input and the network fee, {about}; null: not known.",
            null=True,
            optional=True,
        ),
    }


def fee_limits_json(terms: SwapTerms, decimals: int | None) -> dict[str, Any]:
    """What the owner said about fees, as it holds."""
    return FEE_LIMITS.render(StatedFees(terms.fee_strategy, terms.max_network_fee, decimals or 0))


def planned_fee(plan: SwapPlan) -> dict[str, Any] | None:
    """What the route is expected to cost; None where the chain charges nothing."""
    fee = plan.network_fee
    if fee is None:
        return None
    shown = ShownFee(fee.token, fee.amount, plan.decimals[fee.token], fee.value, _value_decimals(plan))
    return NETWORK_FEE.render(shown)


def paid_fee(order: Order) -> dict[str, Any] | None:
    """What its final transactions have cost, valued as its last route was; None while none is final."""
    if order.network_fee_paid is None or order.native_token is None or order.native_decimals is None:
        return None
    plan = order.plan
    decimals = order.decimals_out if order.side == Side.EXACT_IN else order.decimals_in
    value = None if plan is None else paid_value(plan, order.network_fee_paid)
    shown = ShownFee(order.native_token, order.network_fee_paid, order.native_decimals, value, decimals)
    return NETWORK_FEE.render(shown)


def paid_json(paid: int, native: Token) -> dict[str, str]:
    """What an event says of it: no route is read where receipts are."""
    return {"token": native.symbol, "amount": format_units(paid, native.decimals), "amount_raw": str(paid)}


def net_amount(order: Order) -> int | None:
    """Output less the network fee, or input plus it: executed where it was, as last quoted while it may still be.

    None: not known, or it has ended without.
    """
    plan = order.plan
    if plan is None:
        return None
    executed: int | None = order.amount_out if order.side == Side.EXACT_IN else order.amount_in
    if executed is None:
        return plan.net_amount if order.outcome is None else None
    value = paid_value(plan, order.network_fee_paid or 0)
    if value is None:
        return None
    return executed - value if order.side == Side.EXACT_IN else executed + value


def paid_value(plan: SwapPlan, paid: int) -> int | None:
    """Native atoms in atoms of the side that is not fixed, rounded up, at the rate of the plan; None: not known."""
    fee = plan.network_fee
    if not paid:
        return 0
    if fee is None or fee.value is None or not fee.amount:
        return None
    return -(-paid * fee.value // fee.amount)


def _value_decimals(plan: SwapPlan) -> int:
    return plan.decimals_out if plan.side is Side.EXACT_IN else plan.decimals_in
