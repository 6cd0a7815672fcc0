"""Sniper: a market order from the moment that a new pool of its pair has enough liquidity."""

from dataclasses import dataclass
from decimal import Decimal

from dex import Side
from orders.order_types.base import OrderLike, OrderType, Refusal, Trigger, price_error
from orders.order_types.fields import PRICE, choice, request_field, whole
from orders.problems import FieldError
from orders.terms import NewOrder

# A pool that is older than a day is not new to any order.
LONGEST_AGE_S = 24 * 60 * 60
TOKEN_IN, TOKEN_OUT = "token_in", "token_out"


@dataclass(frozen=True, slots=True, kw_only=True)
class SniperTerms:
    """Which pool is worth it."""

    min_liquidity: Decimal = request_field(
        PRICE, "The least that the pool must hold of the `liquidity_token`, in units of that token.", required=True
    )
    # By this name the trigger pass finds it, too (orders/waiting/new_pools.py).
    max_age_s: int = request_field(
        whole(1, LONGEST_AGE_S), "The most seconds since the pool was created.", required=True
    )
    liquidity_token: str = request_field(
        choice(TOKEN_IN, TOKEN_OUT),
        "Of which token of the order `min_liquidity` is counted: `token_in` (the default) or `token_out`.",
        default=TOKEN_IN,
    )


class Sniper(OrderType[SniperTerms]):
    """It fires once, at the first pool that fits. A price guard is obligatory: a new pool sets its own price.

    Slippage, price impact and deviation are counted from what pools say at the moment of routing. Of a pair whose only
    pool is a minute old that is the price that its maker has chosen, so they limit nothing.
    """

    name = "sniper"
    terms_class = SniperTerms
    times_in_force = ("gtc", "gtd")
    waits_for = ("pool",)
    examples = (
        {"min_liquidity": "1000", "max_age_s": 60, "guards": {"min_amount_out": "0.01"}},
        {
            "min_liquidity": "0.5",
            "max_age_s": LONGEST_AGE_S,
            "liquidity_token": TOKEN_OUT,
            "side": "exact_out",
            "guards": {"max_amount_in": "1"},
            "expires_at": "2999-01-01T00:00:00Z",
        },
    )
    refusals = (
        Refusal({"min_liquidity": "1000", "max_age_s": 60}, "/guards/min_amount_out", "guard_required"),
        Refusal(
            {"min_liquidity": "1000", "max_age_s": 60, "guards": {"max_slippage_bps": "10", "max_deviation_bps": "10"}},
            "/guards/min_amount_out",
            "guard_required",
        ),
        Refusal(
            {"min_liquidity": "1000", "max_age_s": 60, "side": "exact_out", "guards": {"max_price_impact_bps": "10"}},
            "/guards/max_amount_in",
            "guard_required",
        ),
        Refusal(
            {"min_liquidity": "0." + 60 * "0" + "1", "max_age_s": 60, "guards": {"min_amount_out": "1"}},
            "/min_liquidity",
            "invalid",
        ),
        Refusal(
            {
                "min_liquidity": "1000",
                "max_age_s": 60,
                "guards": {"min_amount_out": "1"},
                "venues": {"deny_tokens": ["USDC"]},
            },
            "/venues/deny_tokens",
            "fields_conflict",
        ),
    )

    def check(self, order: NewOrder) -> FieldError | None:
        """There must be a limit that no pool has a say in, and a pool that it could fire at."""
        terms = order.terms
        if order.side == Side.EXACT_IN and terms.min_amount_out is None:
            return _unguarded("min_amount_out", "the least that it may receive")
        if order.side == Side.EXACT_OUT and terms.max_amount_in is None:
            return _unguarded("max_amount_in", "the most that it may give")
        if denied := {order.token_in, order.token_out} & set(terms.deny_tokens):
            detail = f"it would never fire: a pool of its pair holds {min(denied)}, which it denies"
            return FieldError("/venues/deny_tokens", "fields_conflict", detail)
        return price_error("/min_liquidity", self.own(order).min_liquidity)

    def trigger(self, order: OrderLike) -> Trigger | None:
        """A pool that holds `min_liquidity`; how old it may be stands in the terms."""
        own = self.own(order)
        return Trigger("pool", "pool" if own.liquidity_token == TOKEN_IN else "pool_out", own.min_liquidity)


def _unguarded(guard: str, what: str) -> FieldError:
    detail = f"a sniper order needs {guard}, {what}: the maker of a new pool chooses its price"
    return FieldError(f"/guards/{guard}", "guard_required", detail)
