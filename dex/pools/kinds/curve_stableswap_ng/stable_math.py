"""Arithmetic of the StableSwap invariant in integers. Rounds, and stops, as the contract does.

Balances are scaled: every coin in the same unit, usually 1e-18 of one token. `amp` is A times 100.
Source: https://github.com/curvefi/stableswap-ng/blob/main/contracts/main/CurveStableSwapNG.vy (get_D, get_y)
"""

from collections.abc import Callable, Sequence

from dex.errors import InsufficientLiquidity

A_PRECISION = 100
RATE_PRECISION = 10**18
FEE_PRECISION = 10**10
MAX_STEPS = 255  # then the contract gives up, too


def invariant(balances: Sequence[int], amp: int) -> int:
    """D, the total that these balances would be worth if they were equal, by Newton's method from their sum.

    The start matters: another one may end a unit away. 0 where a coin is missing or the steps do not settle: the
    contract reverts then.
    """
    if not all(balances):
        return 0
    n = len(balances)
    d = total = sum(balances)
    ann = amp * n
    weighted_total = ann * total // A_PRECISION
    n_to_the_n: int = n**n
    for _ in range(MAX_STEPS):
        product = d
        for balance in balances:
            product = product * d // balance
        product //= n_to_the_n
        before = d
        d = (weighted_total + product * n) * d // ((ann - A_PRECISION) * d // A_PRECISION + (n + 1) * product)
        if -1 <= d - before <= 1:
            return d
    return 0


def last_balance(others: Sequence[int], d: int, amp: int) -> int:
    """The balance that keeps D where the others are given in the order of the coins; rounded down, then stepped from D.

    Raises: InsufficientLiquidity when the steps do not settle.
    """
    n = len(others) + 1
    ann = amp * n
    c = d
    for balance in others:
        c = c * d // (balance * n)
    c = c * d * A_PRECISION // (ann * n)
    b = sum(others) + d * A_PRECISION // ann - d
    y = d
    for _ in range(MAX_STEPS):
        before = y
        y = (y * y + c) // (2 * y + b)
        if -1 <= y - before <= 1:
            return y
    raise InsufficientLiquidity("the balances of this pool have no solution")


def moving_fee(balance_in: int, balance_out: int, fee: int, offpeg_fee_multiplier: int) -> int:
    """The fee between two scaled balances, out of 1e10: `fee` where they are equal, more the further apart they are."""
    if offpeg_fee_multiplier <= FEE_PRECISION:
        return fee
    total = balance_in + balance_out
    evenness = (offpeg_fee_multiplier - FEE_PRECISION) * 4 * balance_in * balance_out // (total * total)
    return offpeg_fee_multiplier * fee // (evenness + FEE_PRECISION)


def least(holds: Callable[[int], bool], start: int) -> int:
    """The least positive integer for which `holds` is true, quick where the start is near; it must stay true above."""
    low, high, step = start - 1, start, 1
    while high <= 0 or not holds(high):
        low, high, step = high, high + step, 2 * step
    while low > 0 and holds(low):
        low, high, step = low - step, low, 2 * step
    low = max(low, 0)
    while high - low > 1:
        middle = (low + high) // 2
        if holds(middle):
            high = middle
        else:
            low = middle
    return high
