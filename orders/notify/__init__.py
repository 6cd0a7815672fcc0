"""Best-effort signals over Redis: a lost one costs time, never an order."""
