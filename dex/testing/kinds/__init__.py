"""Test parts of pool kinds, by the name of the kind: pools by hand and by hypothesis, and `TESTS` (a `KindTests`)."""
