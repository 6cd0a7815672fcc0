"""What an API key may be allowed to do, by name (pure)."""

READ, QUOTE, TRADE, CANCEL, WEBHOOKS, ADMIN = SCOPES = ("read", "quote", "trade", "cancel", "webhooks", "admin")
# Of a key that was made without a word about scopes: everything but acting on others.
DEFAULT_SCOPES = [READ, QUOTE, TRADE, CANCEL, WEBHOOKS]


def default_scopes() -> list[str]:
    """A list of its own for each new key."""
    return list(DEFAULT_SCOPES)
