"""The words by which waiting and linked orders are stored."""

# Which price of the pair reaches an order's `trigger_at_price`, and from which side.
#   limit:      the best marginal price of the market rises to it (routing decides then whether the limit is met);
#   rises, falls:           the reference price, a median over a window, is at it or beyond;
#   last_rises, last_falls: the mid price of the newest block is.
TRIGGER_KINDS = ("limit", "rises", "falls", "last_rises", "last_falls")
# one_cancels_other: exactly one executes. then: each is placed when the one before has filled.
LINKS = ("one_cancels_other", "then")
