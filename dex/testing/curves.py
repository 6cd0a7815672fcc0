"""What tests ask of curves."""

from dex.pools.curves import Curve

SPECK = 1e-9  # atoms: so little that prices do not move


def first_price(curve: Curve) -> float:
    """Atoms paid per atom sold for next to nothing: as the curve is concave, no larger amount does better."""
    return curve.pays(SPECK) / SPECK
