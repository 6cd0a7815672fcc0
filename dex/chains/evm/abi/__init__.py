"""Encoding and decoding of contract calls: functions, events and errors, as the contracts' sources declare them."""
