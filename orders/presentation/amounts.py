"""Fields that answers show amounts and basis points in: text, each amount with its exact twin in atoms."""

from collections.abc import Callable
from typing import Any, TypeVar

from dex import Side
from orders.amounts import format_units
from orders.models import Order
from orders.shapes import ABSENT, Field, text

T = TypeVar("T")

UNITS = "Token units."
BPS_TEXT = r"^-?(0|[1-9][0-9]*)(\.[0-9]+)?$"


def amount(
    name: str,
    atoms: Callable[[T], int | None],
    decimals: Callable[[T], int],
    about: str = UNITS,
    *,
    null: bool = False,
    optional: bool = False,
) -> dict[str, Field[T]]:
    """Two fields: `name` in token units and `name_raw` in atoms. Where `atoms` reads ABSENT, both are left out."""

    def in_units(source: T) -> Any:
        count = atoms(source)
        return count if count is None or count is ABSENT else format_units(count, decimals(source))

    def in_atoms(source: T) -> Any:
        count = atoms(source)
        return count if count is None or count is ABSENT else str(count)

    return {
        name: text(in_units, about, null=null, optional=optional),
        f"{name}_raw": text(in_atoms, "Atoms.", null=null, optional=optional),
    }


def fixed_decimals(order: Order) -> int:
    """The exponent of the token that the order's side fixes."""
    return order.decimals_in if order.side == Side.EXACT_IN else order.decimals_out


def bps(read: Callable[[T], Any] | None = None, about: str = "Basis points.", *, null: bool = False) -> Field[T]:
    """Basis points; requests may also state a number."""
    return text(read, about, null=null, pattern=BPS_TEXT)
