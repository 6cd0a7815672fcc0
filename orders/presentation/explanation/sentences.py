"""A sentence about an order: a stable code, the words, and the facts that they are made of."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from orders.amounts import format_units, grouped
from orders.models import Order
from orders.shapes import Shape, anything, text

# Decimals of an amount in a sentence; facts have all of them.
SHOWN_DECIMALS = 9
DAY_S, HOUR_S, MINUTE_S = 86_400, 3_600, 60


@dataclass(frozen=True, slots=True)
class Sentence:
    """`text` says what `facts` hold; amounts in facts are decimal strings, each with its `_raw` twin."""

    code: str
    text: str
    facts: Mapping[str, Any] = field(default_factory=dict)


SENTENCE = Shape[Sentence](
    "SentenceShape",
    "One thing that is so, in words and as facts.",
    {
        "code": text(about="Stable; docs/explain.md lists all."),
        "text": text(about="Plain words, which may change."),
        "facts": anything(lambda sentence: dict(sentence.facts)),
    },
)


def atoms(name: str, count: int, decimals: int, token: str) -> dict[str, str]:
    """An amount as facts."""
    return {name: format_units(count, decimals), f"{name}_raw": str(count), "token": token}


def shown(count: int, decimals: int, token: str) -> str:
    """An amount in words."""
    return f"{grouped(format_units(count, decimals), SHOWN_DECIMALS)} {token}"


def given(order: Order, count: int) -> str:
    """An amount of token_in in words."""
    return shown(count, order.decimals_in, order.token_in)


def got(order: Order, count: int) -> str:
    """An amount of token_out in words."""
    return shown(count, order.decimals_out, order.token_out)


def in_bp(bps: str) -> str:
    """Basis points in words: without a sign, to a hundredth, or all places of less."""
    number = abs(Decimal(bps))
    rounded = round(number, 2)
    return f"{rounded.normalize() if rounded else number.normalize():f} bp"


def lasting(seconds: float) -> str:
    """A time span in words."""
    whole = max(0, round(seconds))
    if whole < 2 * MINUTE_S:
        return f"{whole} s"
    if whole < 2 * HOUR_S:
        return f"{whole // MINUTE_S} min"
    return f"{whole // HOUR_S} h" if whole < 2 * DAY_S else f"{whole // DAY_S} days"


def and_also(words: list[str]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    return " and ".join(filter(None, [", ".join(words[:-1]), words[-1]])) if words else ""
