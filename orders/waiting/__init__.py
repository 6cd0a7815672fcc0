"""Orders that wait for a price: the pass that compares the market with all of them at once."""
