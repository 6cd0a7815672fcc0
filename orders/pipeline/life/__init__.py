"""What decides on waiting orders beside stages and owners: the dead-man switch, and orders that are linked."""
