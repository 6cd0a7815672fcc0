"""The plain fields of a quote, which the address of the quote stream may state as POST /quotes has them. Pure."""

PLAIN = ("token_in", "token_out", "amount", "side")
# Of its guards.
PLAIN_GUARDS = ("max_slippage_bps", "max_price_impact_bps", "max_deviation_bps", "min_amount_out", "max_amount_in")
QUOTE_NAMES = frozenset(PLAIN + PLAIN_GUARDS)
