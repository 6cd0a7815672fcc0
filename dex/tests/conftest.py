"""Settings of the property tests."""

from hypothesis import settings

# Shared machines stall now and then; a slow example is no failure.
settings.register_profile("dex", deadline=None, max_examples=60)
settings.load_profile("dex")
