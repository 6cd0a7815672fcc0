"""The business: order state machine, persistence and API."""
