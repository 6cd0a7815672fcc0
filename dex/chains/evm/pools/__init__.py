"""The market on the chain: which pools there are, and their state after a block."""
