"""How many examples tests draw, and how many combinations they try: CI a part of them, a deep run all."""

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import combinations as choose
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dex.testing.examples import combinations, examples


@contextmanager
def profile_of(name: str) -> Iterator[None]:
    before = settings.get_current_profile_name()
    settings.load_profile(name)
    try:
        yield
    finally:
        settings.load_profile(before)


@pytest.mark.parametrize(("profile", "of_five", "without_a_number"), [("ci", 5, 25), ("deep", 20, 100)])
def test_a_deep_run_draws_four_times_as_many(profile: str, of_five: int, without_a_number: int) -> None:
    seen: dict[str, set[int]] = {"of five": set(), "without a number": set()}
    with profile_of(profile):

        @settings(max_examples=examples(5))
        @given(st.integers())
        def stated(number: int) -> None:
            seen["of five"].add(number)

        @given(st.integers())
        def by_profile(number: int) -> None:
            seen["without a number"].add(number)

        stated()
        by_profile()

    assert len(seen["of five"]) <= of_five == examples_of(stated)
    assert len(seen["without a number"]) <= without_a_number == examples_of(by_profile)
    assert min(map(len, seen.values())) > 1


def examples_of(test: object) -> int:
    found: int = getattr(test, "_hypothesis_internal_use_settings").max_examples  # noqa: B009
    return found


def test_all_but_one_dimension_are_combined_in_every_way() -> None:
    dimensions: list[list[str]] = [list("abcde"), list("fghi"), list("jkl"), list("mno")]
    with profile_of("ci"):
        tried = list(combinations(*dimensions, one_of=3))
    with profile_of("deep"):
        every = list(combinations(*dimensions, one_of=3))

    assert every == list(product(*dimensions))
    assert len(tried) == len(every) // 3
    for kept in choose(range(4), 3):
        assert {tuple(one[i] for i in kept) for one in tried} == set(product(*(dimensions[i] for i in kept)))
