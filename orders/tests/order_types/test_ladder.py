"""The prices and shares of a ladder's steps: exact, in order, and never in anybody's favour but the owner's."""

from decimal import Decimal
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from orders.order_types import ORDER_TYPES, Progress
from orders.tests.factories import terms
from orders.tests.order_types.requests import NOW

PRICES = st.decimals("0.000001", "1000000", places=6)


def children_of(start: str, end: str, steps: int, amount: int = 10**9) -> list[tuple[Decimal, int]]:
    """Price and amount of each."""
    own = {"from": start, "to": end, "steps": steps}
    order = terms(order_type="ladder", type_terms=own, amount=amount, time_in_force="gtc")
    step = ORDER_TYPES["ladder"].step(order, Progress(NOW, NOW, b"", 9, 6))
    assert {child.order_type for child in step.children} == {"limit"}
    return [(Decimal(child.terms.type_terms["limit_price"]), child.amount) for child in step.children]


def test_its_steps_are_even() -> None:
    prices = [Decimal(text) for text in ("150", "152.5", "155", "157.5", "160")]
    assert children_of("150", "160", 5, 250) == [(price, 50) for price in prices]
    assert [price for price, _ in children_of("160", "150", 3)] == [160, 155, 150]


@given(start=PRICES, end=PRICES, steps=st.integers(2, 100), amount=st.integers(100, 10**30))
def test_prices_are_exact_or_rounded_up_and_shares_add_up(
    start: Decimal, end: Decimal, steps: int, amount: int
) -> None:
    placed = children_of(str(start), str(end), steps, amount)

    assert sum(share for _, share in placed) == amount
    assert max(share for _, share in placed) - min(share for _, share in placed) <= 1
    assert (placed[0][0], placed[-1][0]) == (start, end)
    for index, (price, _) in enumerate(placed):
        exact = Fraction(start) + (Fraction(end) - Fraction(start)) * index / (steps - 1)
        assert 0 <= Fraction(price) - exact < Fraction(1, 10**59)
