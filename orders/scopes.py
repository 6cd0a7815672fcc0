"""What callers may be allowed to do, by name: scopes of API keys, and the roles of people (pure)."""

READ, QUOTE, TRADE, CANCEL, WEBHOOKS, ADMIN = SCOPES = ("read", "quote", "trade", "cancel", "webhooks", "admin")
# Of a key that was made without a word about scopes: everything but acting on others.
DEFAULT_SCOPES = [READ, QUOTE, TRADE, CANCEL, WEBHOOKS]

READ_ONLY, TRADING, OPERATOR = "read_only", "trading", "operator"
# Webhooks say where an account's data goes: that is an operator's to decide.
ROLES = {READ_ONLY: (READ, QUOTE), TRADING: (READ, QUOTE, TRADE, CANCEL), OPERATOR: SCOPES}


def default_scopes() -> list[str]:
    """A list of its own for each new key."""
    return list(DEFAULT_SCOPES)
