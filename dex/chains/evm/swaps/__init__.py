"""From a route to the call of a router contract, and back from a call to its effects."""
