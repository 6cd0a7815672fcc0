"""What keeps orders from being signed: limits, pauses, and guards that pause by themselves."""
