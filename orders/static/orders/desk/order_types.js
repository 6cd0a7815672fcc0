// The order types and the fields of a request, as data. To add a type is to add an entry.
//
// Both objects are JSON: tests read them, and compare them with what the API takes.

/** By type: what it needs, what it takes, and what of it is rare; the times in force with the usual one first. */
export const TYPES = {
  "market": {"name": "Market", "needs": [], "takes": [], "rare": ["/time_in_force", "/expires_at"], "times": ["ioc", "fok", "gtd"], "links": true},
  "limit": {"name": "Limit", "needs": ["/limit_price"], "takes": ["/time_in_force", "/expires_at", "/allow_partial"], "rare": [], "times": ["gtc", "gtd", "ioc", "fok"], "links": true, "or": "stop"},
  "stop": {"name": "Stop", "needs": ["/trigger_price"], "takes": ["/trigger", "/time_in_force", "/expires_at"], "rare": ["/trigger_source"], "times": ["gtc", "gtd"], "links": true, "or": "limit"},
  "twap": {"name": "TWAP", "needs": ["/twap/slices", "/twap/interval_s"], "takes": ["/limit_price", "/time_in_force", "/expires_at"], "rare": ["/twap/start_at", "/twap/jitter_percent", "/twap/catch_up"], "times": ["gtc", "gtd"]},
  "stop_limit": {"name": "Stop limit", "needs": ["/trigger_price", "/limit_price"], "takes": ["/trigger", "/time_in_force", "/expires_at"], "rare": ["/trigger_source"], "times": ["gtc", "gtd"], "links": true, "or": "limit"},
  "trailing_stop": {"name": "Trailing", "needs": ["/trail_bps"], "takes": ["/time_in_force", "/expires_at"], "rare": ["/trigger_source"], "times": ["gtc", "gtd"], "links": true, "or": "limit"},
  "ladder": {"name": "Ladder", "needs": ["/from", "/to", "/steps"], "takes": ["/time_in_force", "/expires_at"], "rare": [], "times": ["gtc", "gtd"]},
  "sniper": {"name": "Sniper", "needs": ["/min_liquidity", "/max_age_s", "/guards/min_amount_out", "/guards/max_amount_in"], "takes": ["/liquidity_token", "/time_in_force", "/expires_at"], "rare": [], "times": ["gtc", "gtd"], "links": true}
};

/** By JSON pointer, as the API names them in its errors. A choice's first word is the default, and is not sent. */
export const FIELDS = {
  "/limit_price": {"label": "Limit price", "kind": "price"},
  "/allow_partial": {"label": "Fill in parts", "kind": "flag"},
  "/trigger_price": {"label": "Trigger price", "kind": "price"},
  "/trigger": {"label": "Fires at or", "kind": "choice", "words": {"below": "below it", "above": "above it"}},
  "/trigger_source": {"label": "Compared with", "kind": "choice", "words": {"reference": "reference price", "last": "last block's price"}},
  "/trail_bps": {"label": "Trails by", "kind": "bps"},
  "/twap/slices": {"label": "Slices", "kind": "whole", "begins": "8"},
  "/twap/interval_s": {"label": "Time between", "kind": "seconds", "unit": "60, 15m, 1d", "begins": "60"},
  "/twap/start_at": {"label": "First slice at", "kind": "time"},
  "/twap/jitter_percent": {"label": "Jitter", "kind": "whole", "unit": "% of the interval"},
  "/twap/catch_up": {"label": "Missed amounts", "kind": "choice", "words": {"skip": "spread over the rest", "immediate": "into the next slice"}},
  "/from": {"label": "First price", "kind": "price"},
  "/to": {"label": "Last price", "kind": "price"},
  "/steps": {"label": "Steps", "kind": "whole", "begins": "5"},
  "/min_liquidity": {"label": "Pool holds at least", "kind": "amount", "unit": "liquidity"},
  "/max_age_s": {"label": "Pool at most old", "kind": "seconds", "unit": "60, 5m, 1h", "begins": "120"},
  "/liquidity_token": {"label": "Counted in", "kind": "choice", "words": {"token_in": "the token paid", "token_out": "the token received"}},
  "/time_in_force": {"label": "Good", "kind": "life"},
  "/expires_at": {"label": "Until", "kind": "time"},
  "/guards/max_slippage_bps": {"label": "Most slippage", "kind": "bps"},
  "/guards/max_price_impact_bps": {"label": "Most price impact", "kind": "bps"},
  "/guards/max_deviation_bps": {"label": "Below reference price", "kind": "bps"},
  "/guards/max_quote_age_ms": {"label": "Oldest quote", "kind": "whole", "unit": "ms"},
  "/guards/min_amount_out": {"label": "Receive at least", "kind": "amount", "unit": "token_out", "side": "exact_in"},
  "/guards/max_amount_in": {"label": "Pay at most", "kind": "amount", "unit": "token_in", "side": "exact_out"},
  "/venues/allow": {"label": "Only venues", "kind": "names", "list": "venue-names"},
  "/venues/deny": {"label": "Not venues", "kind": "names", "list": "venue-names"},
  "/venues/deny_tokens": {"label": "Not through tokens", "kind": "names"},
  "/venues/max_legs": {"label": "Most legs", "kind": "whole", "unit": "1: no split"},
  "/venues/max_hops": {"label": "Most swaps in a row", "kind": "whole"},
  "/venues/max_swaps": {"label": "Most swaps in all", "kind": "whole"},
  "/fee/strategy": {"label": "Network fee", "kind": "choice", "words": {"normal": "normal", "slow": "slow, cheaper", "fast": "fast, dearer"}},
  "/fee/max_native": {"label": "Fee at most", "kind": "amount", "unit": "native"},
  "/client_order_id": {"label": "Your id", "kind": "text"},
  "/tags": {"label": "Tags", "kind": "tags", "unit": "book=eu, desk=3"},
  "/sim/scenario": {"label": "Simulate", "kind": "choice", "chain": "simulated", "words": {"none": "nothing", "slippage": "slippage", "network": "network", "timeout": "timeout", "dropped": "dropped", "slow": "slow", "stuck": "stuck", "race": "race", "reorg": "reorg"}}
};

/** What every type takes, under "More"; a type's rare fields come before these. */
export const MORE = [
  ["Guards", ["/guards/max_slippage_bps", "/guards/max_price_impact_bps", "/guards/max_deviation_bps", "/guards/max_quote_age_ms", "/guards/min_amount_out", "/guards/max_amount_in"]],
  ["Route and fee", ["/venues/allow", "/venues/deny", "/venues/deny_tokens", "/venues/max_legs", "/venues/max_hops", "/venues/max_swaps", "/fee/strategy", "/fee/max_native"]],
  ["Labels", ["/client_order_id", "/tags", "/sim/scenario"]],
];

export const nameOf = (pointer) => pointer.split("/").pop();
