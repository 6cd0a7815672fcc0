"""Limits on hops, swaps and legs: branch and bound, local search, and pools that a route uses once."""
