"""The best split net of what swaps cost: proofs without a solve, the envelope relaxation, rounding, branching."""
