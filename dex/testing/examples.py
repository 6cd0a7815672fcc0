"""How many examples a test draws, and how many combinations it tries: fewer in each run of CI, all in a deep run."""

from collections.abc import Iterator, Sequence
from itertools import product
from typing import TypeVar

from hypothesis import settings

T = TypeVar("T")

# A deep run draws this many times as many.
DEEPER = 4
USUAL = 25


def register_profiles(*, are_new: bool) -> None:
    """The profiles `ci` and `deep`. On busy machines an example that takes long is no failure."""
    settings.register_profile("ci", derandomize=not are_new, deadline=None, max_examples=USUAL)
    settings.register_profile("deep", settings.get_profile("ci"), max_examples=USUAL * DEEPER)


def examples(usual: int) -> int:
    """As many as one test draws that takes another number than the profile's: four times as many in a deep run."""
    return usual * DEEPER if is_deep() else usual


def is_deep() -> bool:
    """Whether this is a deep run."""
    return settings.get_current_profile_name() == "deep"


def combinations(*dimensions: Sequence[T], one_of: int) -> Iterator[tuple[T, ...]]:
    """One in `one_of` combinations, evenly: those whose numbers add up to a multiple. All of them in a deep run.

    Of dimensions that have at least `one_of` values each, all but any one are combined in every way: that one is free
    to make up the sum. So each pair of three dimensions is tried.
    """
    for numbers in product(*(range(len(values)) for values in dimensions)):
        if sum(numbers) % one_of == 0 or is_deep():
            yield tuple(values[number] for values, number in zip(dimensions, numbers, strict=True))
