"""Prices over time: what the market's were, noted every few seconds, and what an account's orders were filled at."""
