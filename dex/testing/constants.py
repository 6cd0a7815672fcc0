"""What tests agree on: a moment and some tokens."""

NOW = 1_700_000_000
TOKENS = ("SOL", "USDC", "BONK", "JUP")
