"""Arithmetic of one Meteora DLMM bin: its price, its fee, and a swap inside it. Rounds as the program does.

Prices are atoms of Y per atom of X times 2**64; fee rates are out of 1e9.
Source: https://github.com/MeteoraAg/dlmm-sdk (commons/src/extensions/bin.rs, commons/src/math)
"""

from functools import lru_cache

SCALE_BITS = 64
MAX_U128 = 2**128 - 1
BASIS_POINTS = 10_000
FEE_PRECISION = 1_000_000_000


@lru_cache(maxsize=1 << 16)
def price_q64(bin_step: int, bin_id: int) -> int:
    """(1 + bin_step / 10,000) ** bin_id times 2**64, rounded by squaring as the program does.

    Source: https://github.com/MeteoraAg/dlmm-sdk/blob/main/commons/src/math/u64x64_math.rs
    """
    one = 1 << SCALE_BITS
    # The program squares the inverse, which is below one, so that no product passes 256 bits.
    square = MAX_U128 // (one + (bin_step << SCALE_BITS) // BASIS_POINTS)
    result, exponent = one, abs(bin_id)
    while exponent:
        if exponent & 1:
            result = result * square >> SCALE_BITS
        square = square * square >> SCALE_BITS
        exponent >>= 1
    return MAX_U128 // result if bin_id > 0 else result


@lru_cache(maxsize=1 << 16)
def float_price(bin_step: int, bin_id: int, sells_x: bool) -> float:
    """Atoms paid per atom sold in a bin, fee aside, as a float."""
    price = price_q64(bin_step, bin_id) / (1 << SCALE_BITS)
    return price if sells_x else 1 / price


def fill_bin(price: int, reserve: int, sells_x: bool, left: int, rate: int, fee_on_input: bool) -> tuple[int, int, int]:
    """Sell up to `left` in one bin holding `reserve` of the output: taken, paid before an output fee, fee.

    Where the net input ends exactly with the bin, all of the gross one is taken: what rounding adds to it is a fee.
    """
    cost = bin_cost(price, reserve, sells_x)
    net = left - fee_within(left, rate) if fee_on_input else left
    if net < cost:
        gross_out = net * price >> SCALE_BITS if sells_x else (net << SCALE_BITS) // price
        return left, gross_out, left - net if fee_on_input else fee_within(gross_out, rate)
    if not fee_on_input:
        return cost, reserve, fee_within(reserve, rate)
    taken = before_fee(cost, rate) if net > cost else left
    return taken, reserve, taken - cost


def bin_cost(price: int, amount_out: int, sells_x: bool) -> int:
    """The least input, fee aside, that buys `amount_out` at a price."""
    return -((-amount_out << SCALE_BITS) // price) if sells_x else -(-amount_out * price >> SCALE_BITS)


def fee_within(amount: int, rate: int) -> int:
    """The fee that an amount with the fee inside it pays, rounded up."""
    return -(-amount * rate // FEE_PRECISION)


def before_fee(net: int, rate: int) -> int:
    """The least amount that leaves `net` once its fee is taken."""
    return net - (-net * rate // (FEE_PRECISION - rate))
