"""Signed receipts of orders that have ended: what they say, who signs them, and how anybody checks them."""
