"""Amounts and prices inside one range of constant liquidity, and a single swap step there. Rounds as the programs do.

Token 0 is sold downwards, towards a lower price, token 1 upwards. Prices are square roots of atoms of token 1 per
atom of token 0, times 2**bits; `bits` is 96 in Uniswap V3 and 64 in Orca Whirlpools, which round alike otherwise.
Source: https://github.com/Uniswap/v3-core/tree/main/contracts/libraries (SqrtPriceMath, SwapMath)
Source: https://github.com/orca-so/whirlpools/tree/main/programs/whirlpool/src/math (token_math, swap_math)
"""

from dex.types import PPM

Step = tuple[int, int, int, int]  # price reached, atoms taken without the fee, atoms paid, fee


def cost_between(start: int, end: int, liquidity: int, bits: int) -> int:
    """Atoms that move the price from `start` to `end`, fee aside, rounded up."""
    if end <= start:
        return -((-liquidity * (start - end) << bits) // (start * end))
    return -(-liquidity * (end - start) >> bits)


def paid_between(start: int, end: int, liquidity: int, bits: int) -> int:
    """Atoms paid while the price moves from `start` to `end`, rounded down."""
    if end <= start:
        return liquidity * (start - end) >> bits
    return (liquidity * (end - start) << bits) // (start * end)


def price_after_input(start: int, liquidity: int, amount: int, is_down: bool, bits: int) -> int:
    """The price once `amount`, without its fee, is sold; rounded so that it moves no farther than was paid for."""
    if not is_down:
        return start + (amount << bits) // liquidity
    scaled = liquidity << bits
    denominator = scaled + amount * start
    if denominator < 1 << 256:
        return -(-scaled * start // denominator)
    # Where Uniswap's 256 bits cannot hold the exact quotient it takes a coarser one.
    return -(-scaled // (scaled // start + amount))


def price_after_output(start: int, liquidity: int, amount: int, is_down: bool, bits: int) -> int:
    """The price once `amount` is paid out; rounded so that it moves far enough to cover it."""
    if is_down:
        return start + (-amount << bits) // liquidity
    scaled = liquidity << bits
    return -(-scaled * start // (scaled - amount * start))


def step_exact_in(start: int, target: int, liquidity: int, left: int, fee_rate: int, bits: int) -> Step:
    """Sell up to `left` atoms, fee (ppm) included, without passing the price `target`."""
    net = left * (PPM - fee_rate) // PPM
    reached, cost = target, cost_between(start, target, liquidity, bits)
    if net < cost:
        reached = price_after_input(start, liquidity, net, target <= start, bits)
        if reached != target:
            cost = cost_between(start, reached, liquidity, bits)
            # What rounding leaves over is kept as a fee.
            return reached, cost, paid_between(start, reached, liquidity, bits), left - cost
    return reached, cost, paid_between(start, reached, liquidity, bits), _fee_on(cost, fee_rate)


def step_exact_out(start: int, target: int, liquidity: int, left: int, fee_rate: int, bits: int) -> Step:
    """Buy up to `left` atoms without passing the price `target`; the fee (ppm) comes on top of the cost."""
    reached, paid = target, paid_between(start, target, liquidity, bits)
    if left < paid:
        reached = price_after_output(start, liquidity, left, target <= start, bits)
        paid = min(left, paid_between(start, reached, liquidity, bits))
    cost = cost_between(start, reached, liquidity, bits)
    return reached, cost, paid, _fee_on(cost, fee_rate)


def _fee_on(net: int, fee_rate: int) -> int:
    """The fee that comes on top of `net` so that it is `fee_rate` ppm of both together, rounded up."""
    return -(-net * fee_rate // (PPM - fee_rate))
