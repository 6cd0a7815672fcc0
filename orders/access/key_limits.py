"""What a key's caps and allow-lists make of an order."""

from dataclasses import replace

from dex import Side
from orders.access.authentication import Caller
from orders.models import ApiKey
from orders.problems import Problem, ProblemError
from orders.terms import NewOrder
from orders.values import ASK_FOR_VALUE, NO_VALUE, atoms_of, shown


def require_real_orders(caller: Caller) -> None:
    """Raises: ProblemError with code `scope` where the key is for dry runs only."""
    if caller.key is not None and caller.key.is_dry_run_only:
        raise ProblemError(Problem("scope", "this key may place orders with ?dry_run=true only"))


def apply_key_limits(new: NewOrder, caller: Caller) -> NewOrder | Problem:
    """The order under the key's allow-lists and cap per order, or why they do not fit."""
    if caller.key is None:
        return new
    return _refusal(new, caller.key) or _within_venues(_within_cap(new, caller.key), caller.key)


def require_within_key(new: NewOrder, caller: Caller) -> NewOrder:
    """As `apply_key_limits`. Raises: ProblemError instead of answering one."""
    answer = apply_key_limits(new, caller)
    if isinstance(answer, Problem):
        raise ProblemError(answer)
    return answer


def _refusal(new: NewOrder, key: ApiKey) -> Problem | None:
    for token in (new.token_in, new.token_out):
        if key.tokens and token not in key.tokens:
            return Problem("scope", f"this key may not trade {token}", facts={"tokens": sorted(key.tokens)})
    cap = key.max_order_value
    if cap is not None:
        facts = {"limit": "order_value", "most": shown(cap)}
        if new.value is None:
            return Problem("limit_exceeded", NO_VALUE, ASK_FOR_VALUE, facts=facts)
        if new.side is Side.EXACT_OUT and not new.unit_value_in:
            detail = f"{new.token_in} has no reference value, so what exact_out would give cannot be bounded"
            return Problem("limit_exceeded", detail, ASK_FOR_VALUE, facts=facts)
        if new.value > cap:
            detail = f"the order is worth {shown(new.value)}, this key may place {shown(cap)} at a time"
            hint = f"Send orders worth {shown(cap)} at most, or use a key that may place more"
            return Problem("limit_exceeded", detail, hint, facts=facts | {"value": shown(new.value)})
    return None


def _within_cap(new: NewOrder, key: ApiKey) -> NewOrder:
    """What an exact_out order may give, cut down to the key's cap: its fixed side does not bound that."""
    if key.max_order_value is None or new.side is not Side.EXACT_OUT:
        return new
    assert new.unit_value_in  # refused before
    most = atoms_of(key.max_order_value, new.decimals_in, new.unit_value_in)
    stated = new.terms.max_amount_in
    if stated is not None and stated <= most:
        return new
    return replace(new, terms=replace(new.terms, max_amount_in=most))


def _within_venues(new: NewOrder, key: ApiKey) -> NewOrder | Problem:
    """The order's own allow-list cut down to the key's: the route may not leave it."""
    if not key.venues:
        return new
    stated = new.terms.allow or key.venues
    allowed = tuple(sorted(set(stated) & set(key.venues)))
    if not allowed:
        return Problem("scope", "this key may trade on other venues only", facts={"venues": sorted(key.venues)})
    return replace(new, terms=replace(new.terms, allow=allowed))
