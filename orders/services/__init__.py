"""Everything that changes an order: one verb per file, each on a list."""
