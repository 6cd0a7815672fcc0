"""The market over HTTP: venues, tokens, quotes, curves of quotes, and prices over time."""
