"""From real-valued flows to whole atoms: routes replayed through the pools' own integer arithmetic."""
