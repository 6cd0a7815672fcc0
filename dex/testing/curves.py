"""What tests ask of curves."""

from dex.pools.curves import Curve, PowerCurve, Segments


def first_price(curve: Curve) -> float:
    """The slope of a curve at its beginning, in atoms paid per atom sold; 0 where it takes nothing.

    As the curve is concave, no amount does better.
    """
    if isinstance(curve, Segments):
        return curve.price[0] if curve.price else 0.0
    if not curve.capacity:
        return 0.0
    if isinstance(curve, PowerCurve):
        return curve.reserve * curve.exponent / curve.depth
    x, y = curve.start, curve.balance_out(curve.start)
    return curve.scale_in * curve.scale_out * (y + curve.c / (x * x)) / (2 * y + curve.b + x)
