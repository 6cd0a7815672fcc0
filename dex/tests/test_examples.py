"""How many examples property tests draw: CI a part of them, a deep run all."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dex.testing.examples import examples


@pytest.mark.parametrize(("profile", "of_five", "without_a_number"), [("ci", 5, 25), ("deep", 20, 100)])
def test_a_deep_run_draws_four_times_as_many(profile: str, of_five: int, without_a_number: int) -> None:
    before = settings.get_current_profile_name()
    settings.load_profile(profile)
    seen: dict[str, set[int]] = {"of five": set(), "without a number": set()}
    try:

        @settings(max_examples=examples(5))
        @given(st.integers())
        def stated(number: int) -> None:
            seen["of five"].add(number)

        @given(st.integers())
        def by_profile(number: int) -> None:
            seen["without a number"].add(number)

        stated()
        by_profile()
    finally:
        settings.load_profile(before)

    assert len(seen["of five"]) <= of_five == examples_of(stated)
    assert len(seen["without a number"]) <= without_a_number == examples_of(by_profile)
    assert min(map(len, seen.values())) > 1


def examples_of(test: object) -> int:
    found: int = getattr(test, "_hypothesis_internal_use_settings").max_examples  # noqa: B009
    return found
