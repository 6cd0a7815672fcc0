"""How many examples a property test draws: fewer in each run of CI, all of them in a deep run."""

from hypothesis import settings

# A deep run draws so many times as many.
DEEPER = 4
USUAL = 25


def register_profiles(*, are_new: bool) -> None:
    """The profiles `ci` and `deep`. On busy machines an example that takes long is no failure."""
    settings.register_profile("ci", derandomize=not are_new, deadline=None, max_examples=USUAL)
    settings.register_profile("deep", settings.get_profile("ci"), max_examples=USUAL * DEEPER)


def examples(usual: int) -> int:
    """As many as one test draws that takes another number than the profile's: four times as many in a deep run."""
    return usual * DEEPER if settings.get_current_profile_name() == "deep" else usual
