"""Tries swaps of routed orders before they are signed: on the newest state, against limits on fees, and together."""

from collections.abc import Mapping, Sequence
from uuid import UUID

from dex import DexError, Engine, Fees, FeeStrategy, InsufficientFunds, PreparedSwap, Side, SwapIntent
from orders.config import Policy
from orders.models import Wallet
from orders.pipeline.claim import ClaimedOrder
from orders.pipeline.funds import beyond_funds
from orders.risk.fee_limit import too_costly
from orders.terms import fee_left


def try_swaps(
    orders: Sequence[ClaimedOrder],
    wallets: Mapping[int, Wallet],
    fees: Mapping[FeeStrategy, Fees],
    engine: Engine,
    policy: Policy,
) -> tuple[dict[UUID, PreparedSwap], dict[UUID, DexError]]:
    """Swaps that are ready to be signed with their fees, and why the others are not, by order id.

    Their nonces are not known yet, and do not matter. Raises: RetryableError.
    """
    intents = [_intent(order, wallets[order.account_id].address, fees, policy) for order in orders]
    answers = engine.simulate(intents) if intents else []
    by_order = list(zip(orders, answers, strict=True))
    swaps = {order.id: answer for order, answer in by_order if isinstance(answer, PreparedSwap)}
    doubts = {
        order.id: with_wallet(answer, intent)
        for (order, answer), intent in zip(by_order, intents, strict=True)
        if isinstance(answer, DexError)
    }
    able = [order for order in orders if order.id in swaps]
    lefts = [fee_left(order.terms.max_network_fee, order.network_fee_paid) for order in able]
    offers = [(swaps[order.id], swaps[order.id].intent.fees, left) for order, left in zip(able, lefts, strict=True)]
    limits = {order.id: limit for order, limit in zip(able, too_costly(offers, engine), strict=True) if limit}
    busy = {wallet.address for wallet in wallets.values() if wallet.is_busy}
    limits |= beyond_funds([order for order in able if order.id not in limits], swaps, busy, engine)
    return {order_id: swap for order_id, swap in swaps.items() if order_id not in limits}, doubts | limits


def with_wallet(error: DexError, intent: SwapIntent) -> DexError:
    """A shortage with the wallet that has it, which its owner has to fund."""
    if not isinstance(error, InsufficientFunds):
        return error
    is_named = intent.wallet in error.detail + error.hint
    detail = error.detail if is_named else f"{error.detail} (wallet {intent.wallet})"
    return InsufficientFunds(detail, hint=error.hint, **{**error.facts, "wallet": intent.wallet})


def _intent(order: ClaimedOrder, address: str, fees: Mapping[FeeStrategy, Fees], policy: Policy) -> SwapIntent:
    assert order.plan is not None
    assert order.min_amount_out is not None
    assert order.max_amount_in is not None
    deadline = order.claimed_s + policy.deadline_s
    if order.expires_s is not None:
        deadline = min(deadline, order.expires_s)
    return SwapIntent(
        wallet=address,
        nonce=0,
        side=Side(order.side),
        route=order.plan.route,
        min_amount_out=order.min_amount_out,
        max_amount_in=order.max_amount_in,
        deadline=deadline,
        scenario=order.terms.scenario,
        fees=fees[FeeStrategy(order.terms.fee_strategy)],
    )
