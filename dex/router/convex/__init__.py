"""The optimum of the convex problem: splits without limits on hops or swaps, with a certified bound."""
