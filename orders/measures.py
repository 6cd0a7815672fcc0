"""What the fixed amount of an order is worth at a price: the benchmarks that its execution is measured by. Pure.

Atoms of the side that is not fixed: what exact_in would receive, what exact_out would give. docs/execution-quality.md
says what follows from them.
"""

from fractions import Fraction

from dex import Side

# Places of basis points that are worked out from amounts.
BPS_PLACES = 4


def benchmark(side: str, amount_in: int | None, amount_out: int | None, paid_out: int | None) -> int | None:
    """The fixed amount of a quote at the price at which its input would pay `paid_out`; None where that is unknown.

    Rounded so that no cost against it is overstated: down for exact_in, up for exact_out.
    """
    if not (amount_in and amount_out and paid_out) or paid_out <= 0:
        return None
    return paid_out if side == Side.EXACT_IN else -(-amount_in * amount_out // paid_out)


def cost(side: str, before: int | None, after: int | None) -> int | None:
    """How many atoms are lost from one benchmark to the next; negative: gained. None where either is unknown."""
    if before is None or after is None:
        return None
    return before - after if side == Side.EXACT_IN else after - before


def share_bps(part: int | None, of: int | None) -> str | None:
    """A part of an amount in basis points, as a decimal string, rounded half to even; None: not known."""
    if part is None or not of or of < 0:
        return None
    scale: int = 10**BPS_PLACES
    scaled = round(Fraction(10_000 * scale * part, of))
    sign, (whole, rest) = "-" if scaled < 0 else "", divmod(abs(scaled), scale)
    return f"{sign}{whole}.{rest:0{BPS_PLACES}d}".rstrip("0").rstrip(".")
