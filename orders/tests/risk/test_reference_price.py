"""The reference price: the median of a window, and nothing where half of the window is unknown."""

from decimal import Decimal
from statistics import median_high, median_low

from hypothesis import given
from hypothesis import strategies as st

from orders.risk.reference_price import UNKNOWN, Held, Reference, reference_price

WINDOW_S = 30.0
PRICES = st.decimals("0.000001", "1000000", places=6)
HISTORIES = st.lists(
    st.builds(Held, st.integers(0, 100).map(float), PRICES), max_size=40, unique_by=lambda held: held[0]
)


def second_by_second(history: list[Held]) -> list[Decimal | None]:
    """What the price was in each second of the window; None: unknown."""
    return [
        next((price for since_s, price in sorted(history) if since_s > second), None) for second in range(int(WINDOW_S))
    ]


def known(price: str) -> Reference:
    return Reference(Decimal(price), Decimal(price))


def test_the_price_of_a_quiet_market_is_its_only_one() -> None:
    assert reference_price([Held(500.0, Decimal(100))], WINDOW_S) == known("100")


def test_one_block_however_long_until_half_of_the_window_changes_nothing() -> None:
    history = [Held(500.0, Decimal(100)), Held(14.9, Decimal(1))]

    assert reference_price(history, WINDOW_S) == known("100")
    assert reference_price([*history, Held(0.5, Decimal(10**9))], WINDOW_S) == known("100")


def test_a_price_that_has_held_for_more_than_half_of_it_is_it() -> None:
    assert reference_price([Held(500.0, Decimal(100)), Held(15.1, Decimal(90))], WINDOW_S) == known("90")


def test_who_knows_less_than_half_of_the_window_knows_nothing() -> None:
    assert reference_price([], WINDOW_S) == UNKNOWN
    assert reference_price([Held(15.0, Decimal(100))], WINDOW_S) == UNKNOWN
    assert reference_price([Held(15.1, Decimal(100))], WINDOW_S) == known("100")


def test_what_is_unknown_counts_as_if_nothing_had_been_reached() -> None:
    """20 s are known: first 4, then 6 of them at 80, the rest at 90."""
    history = [Held(20.0, Decimal(80)), Held(16.0, Decimal(90))]

    assert reference_price(history, WINDOW_S) == Reference(rising=Decimal(90), falling=Decimal(90))
    history = [Held(20.0, Decimal(80)), Held(14.0, Decimal(90))]
    assert reference_price(history, WINDOW_S) == Reference(rising=Decimal(80), falling=Decimal(90))


@given(HISTORIES)
def test_it_is_the_median_of_its_seconds_where_all_are_known(history: list[Held]) -> None:
    seconds = second_by_second(history)
    reference = reference_price(history, WINDOW_S)

    if None not in seconds:
        prices = sorted(price for price in seconds if price is not None)
        low, high = median_low(prices), median_high(prices)
        assert reference.rising is not None
        assert reference.falling is not None
        assert reference.rising in {low, high} or low != high
        assert reference.rising <= high
        assert reference.falling >= low


@given(HISTORIES, PRICES)
def test_a_trigger_is_reached_when_the_price_was_beyond_it_for_more_than_half(
    history: list[Held], trigger: Decimal
) -> None:
    seconds = second_by_second(history)
    reference = reference_price(history, WINDOW_S)
    above = sum(price is not None and price >= trigger for price in seconds)
    below = sum(price is not None and price <= trigger for price in seconds)

    assert (reference.rising is not None and reference.rising >= trigger) == (above > WINDOW_S / 2)
    assert (reference.falling is not None and reference.falling <= trigger) == (below > WINDOW_S / 2)


@given(HISTORIES, PRICES, PRICES)
def test_half_a_window_in_one_hand_moves_it_to_no_price_that_was_not_there(
    history: list[Held], attack: Decimal, before: Decimal
) -> None:
    """Also with any prices in less than half of the window, a price that held before it is the reference."""
    quiet = [Held(since_s + 15.0, before) for since_s, _ in history if since_s > 15.0]
    attacked = [Held(min(since_s, 14.0), attack) for since_s, _ in history[:1]]

    reference = reference_price([Held(1000.0, before), *quiet, *attacked], WINDOW_S)

    assert reference == Reference(before, before)
