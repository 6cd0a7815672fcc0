"""Average prices for display."""

from orders.amounts import format_units


def price(amount_in: int, amount_out: int, decimals_in: int, decimals_out: int) -> str:
    """token_out per token_in in token units, 12 significant digits, for display only."""
    if not amount_in:
        return "0"
    scale = 10**30
    ratio = amount_out * 10**decimals_in * scale // (amount_in * 10**decimals_out)
    spare = max(0, len(str(ratio)) - 12)
    return format_units(ratio // 10**spare * 10**spare, 30)
