"""What goes with what, read from the tables of the page on order types."""

from functools import cache
from typing import Any, NamedTuple

from orders.order_types import ORDER_TYPES
from orders.tests.order_types.requests import body
from orders.tests.pages import rows

PAGE = "order-types.md"
WORDS = ("ioc", "fok", "gtc", "gtd")
SIDES = ("exact_in", "exact_out")
LINKS = ("one_cancels_other", "then", "bracket")
REFUSED = "refused"
EXPIRES_AT = "2999-12-31T00:00:00Z"
# Each with what is stored of it, for SOL -> USDC.
GUARDS: dict[str, tuple[Any, str, int]] = {
    "max_slippage_bps": ("25", "max_slippage_ppm", 2_500),
    "max_price_impact_bps": ("12.5", "max_price_impact_ppm", 1_250),
    "max_quote_age_ms": (1_500, "max_quote_age_ms", 1_500),
    "max_deviation_bps": ("40", "max_deviation_ppm", 4_000),
    "min_amount_out": ("1.5", "min_amount_out", 1_500_000),
    "max_amount_in": ("2.5", "max_amount_in", 2_500_000_000),
}


@cache
def times_table() -> dict[str, dict[str, str]]:
    """By order type and time in force."""
    return _table(WORDS, tuple(ORDER_TYPES))


@cache
def guard_table() -> dict[str, dict[str, str]]:
    """By guard and side."""
    return _table(SIDES, tuple(GUARDS))


@cache
def link_table() -> dict[str, dict[str, str]]:
    """By order type and link."""
    return _table(LINKS, tuple(ORDER_TYPES))


def _table(columns: tuple[str, ...], names: tuple[str, ...]) -> dict[str, dict[str, str]]:
    """The rows of as many columns that begin with such names, each name by itself."""
    found = [row for row in rows(PAGE) if len(row) == 1 + len(columns) and not row[0].startswith(("`", "-"))]
    return {
        name: dict(zip(columns, row[1:], strict=True)) for row in found for name in row[0].split(", ") if name in names
    }


class Cell(NamedTuple):
    """A combination, but for the link. `word` is the time in force, None: not stated; `guards` are those stated."""

    order_type: str
    side: str
    word: str | None
    guards: tuple[str, ...]

    @property
    def request(self) -> dict[str, Any]:
        """The body, with the type's own fields of its first example."""
        apart = {"expires_at", "time_in_force", "side", "guards"}
        own = {name: value for name, value in ORDER_TYPES[self.order_type].examples[0].items() if name not in apart}
        asked = body(ORDER_TYPES[self.order_type], own) | {"side": self.side}
        if self.word is not None:
            asked["time_in_force"] = self.word
        if self.word == "gtd":
            asked["expires_at"] = EXPIRES_AT
        if self.guards:
            asked["guards"] = {name: GUARDS[name][0] for name in self.guards}
        return asked

    @property
    def refusal(self) -> tuple[str, str] | None:
        """Pointer and code of the first thing that does not go together; None: it is taken."""
        for guard in self.guards:
            if guard_table()[guard][self.side] == REFUSED:
                return f"/guards/{guard}", "guard_side"
        if self.word is not None and times_table()[self.order_type][self.word] == REFUSED:
            return "/time_in_force", "time_in_force"
        for guard, cells in guard_table().items():
            if f"{self.order_type}: needed" in cells[self.side] and guard not in self.guards:
                return f"/guards/{guard}", "guard_required"
        return None

    @property
    def terms(self) -> dict[str, Any]:
        """What is stored of it, by the names of `SwapTerms`. Two guards have a default, for who does not state them."""
        word = self.word or ORDER_TYPES[self.order_type].times_in_force[0]
        unstated = {"max_slippage_ppm": 5_000, "max_price_impact_ppm": 10_000}
        stored = {name: unstated.get(name) for _, name, _ in GUARDS.values()}
        return stored | {GUARDS[name][1]: GUARDS[name][2] for name in self.guards} | {"time_in_force": word}
