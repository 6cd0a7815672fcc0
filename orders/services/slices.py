"""Whether each slice of a parent is worth its own swap: the network fee that it is expected to cost may take 1 % of it.

Measured by the engine on the market as it is: a slice is quoted as the order that it will be. Where the chain cannot be
asked, or has no route now, nothing is refused: each slice meets the market of its own time.
"""

from dataclasses import replace

from dex import DexError, Engine, Quote, RetryableError, Side
from dex.deadline import within
from orders.order_types import is_parent, slices_of
from orders.problems import FieldError, Problem
from orders.terms import NewOrder, swap_request

PPM = 1_000_000
MOST_FEE_PPM = 10_000
TOO_SMALL = "amount_too_small"


def slices_refusal(new: NewOrder, engine: Engine) -> Problem | None:
    """Why a parent's slices are too small, with the largest count that works; None for others, and where they are not.

    Asks the chain: call it outside of transactions.
    """
    count = slices_of(new.order_type, new) if is_parent(new.order_type, new) else None
    if count is None:
        return None
    try:
        with within(engine.chain.timing.answer_s):
            why = _why_not(new, count, engine)
            if why is None:
                return None
            most = _most_slices(new, count, engine)
    except RetryableError:
        return None
    pointer = "/twap/slices" if new.order_type == "twap" else "/steps"
    hint = f"Send {most} slices at most" if most > 1 else "Send it as one market order, or a larger amount"
    return Problem(
        "slice_too_small", why, hint, [FieldError(pointer, "slice_too_small", why)], facts={"most_slices": most}
    )


def _most_slices(new: NewOrder, count: int, engine: Engine) -> int:
    """The largest count below one that does not work; 1 where no other is known to work."""
    works, fails = 1, count
    while fails - works > 1:
        middle = (works + fails) // 2
        if _why_not(new, middle, engine) is None:
            works = middle
        else:
            fails = middle
    return works


def _why_not(new: NewOrder, count: int, engine: Engine) -> str | None:
    """Why each of `count` slices is too small; None where they are not. Raises: RetryableError."""
    amount = new.amount // count
    if amount == 0:
        return f"{count} slices would have less than the smallest unit of the token each"
    # Its own guards judge the price, not the size.
    terms = replace(new.terms, min_amount_out=None, max_amount_in=None, max_price_impact_ppm=None, max_network_fee=None)
    answer: Quote | DexError = engine.route([swap_request(new.token_in, new.token_out, new.side, amount, terms)])[0]
    if isinstance(answer, DexError):
        return f"each of {count} slices: {answer.detail}" if answer.code == TOO_SMALL else None
    fee = answer.network_fee
    gross = answer.amount_out if new.side is Side.EXACT_IN else answer.amount_in
    if fee is None or fee.value is None or fee.value * PPM <= gross * MOST_FEE_PPM:
        return None
    return (
        f"the network fee of each of {count} slices would be {fee.value * 100 / gross:.3g} % of its value, and 1 % is"
        " the most that makes sense"
    )
