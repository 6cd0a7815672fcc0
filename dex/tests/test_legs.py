"""Legs add up to the route that they are taken from, of any shape."""

from collections import defaultdict

from hypothesis import given
from hypothesis import strategies as st

from dex.legs import legs_of
from dex.types import Hop, Route


def hop(pool: str, token_in: str, token_out: str, amount_in: int, amount_out: int) -> Hop:
    return Hop("venue", pool, token_in, token_out, amount_in, amount_out)


def pools(route: Route) -> list[list[str]]:
    return [[hop.pool_id for hop in leg.hops] for leg in legs_of(route)]


def test_a_single_path_is_its_own_leg() -> None:
    route = Route("A", "C", (hop("1", "A", "B", 10, 20), hop("2", "B", "C", 20, 7)))

    (leg,) = legs_of(route)

    assert leg.hops == route.hops


def test_parallel_pools_are_legs_of_their_own_the_largest_first() -> None:
    route = Route("A", "B", (hop("1", "A", "B", 30, 31), hop("2", "A", "B", 70, 69)))

    assert pools(route) == [["2"], ["1"]]
    assert [(leg.amount_in, leg.amount_out) for leg in legs_of(route)] == [(70, 69), (30, 31)]


def test_a_hop_that_two_legs_share_is_divided() -> None:
    route = Route(
        "A", "C", (hop("1", "A", "B", 60, 600), hop("2", "A", "B", 40, 400), hop("3", "B", "C", 1000, 99))
    )  # fmt: skip

    first, second = legs_of(route)

    assert [hop.pool_id for hop in first.hops] == ["1", "3"]
    assert [hop.pool_id for hop in second.hops] == ["2", "3"]
    assert (first.amount_in, second.amount_in) == (60, 40)
    assert first.hops[1].amount_in + second.hops[1].amount_in == 1000
    assert first.amount_out + second.amount_out == 99


def test_a_leg_without_an_atom_at_its_end_is_none() -> None:
    route = Route("A", "B", (hop("1", "A", "B", 10**6, 10**6), hop("2", "A", "B", 1, 0)))

    (leg,) = legs_of(route)

    assert (leg.amount_in, leg.amount_out) == (10**6 + 1, 10**6)


@st.composite
def routes(draw: st.DrawFn) -> Route:
    """Random routes over layers of tokens, every token's atoms sold on in random parts."""
    tokens = ["T0", "T1", "T2", "T3", "T4"]
    held: defaultdict[str, int] = defaultdict(int, {"T0": draw(st.integers(1, 10**30))})
    hops: list[Hop] = []
    for i, token in enumerate(tokens[:-1]):
        if not held[token]:
            continue
        later = draw(st.lists(st.sampled_from(tokens[i + 1 :]), min_size=1, max_size=3))
        left = held[token]
        for number, token_out in enumerate(later):
            sold = left if number == len(later) - 1 else draw(st.integers(0, left))
            paid = sold * draw(st.integers(1, 300)) // 100
            if sold and paid:
                hops.append(hop(f"p{len(hops)}", token, token_out, sold, paid))
                held[token_out] += paid
                left -= sold
    return Route("T0", "T4", tuple(hops))


@given(route=routes())
def test_legs_add_up(route: Route) -> None:
    if not route.amount_in or not route.amount_out:
        return

    legs = legs_of(route)

    assert sum(leg.amount_in for leg in legs) == route.amount_in
    assert sum(leg.amount_out for leg in legs) == route.amount_out
    assert all(leg.amount_in > 0 < leg.amount_out for leg in legs)
    for leg in legs:
        assert (leg.hops[0].token_in, leg.hops[-1].token_out) == ("T0", "T4")
        assert all(a.token_out == b.token_in for a, b in zip(leg.hops, leg.hops[1:], strict=False))
