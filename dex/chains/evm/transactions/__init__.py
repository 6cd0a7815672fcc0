"""Transactions: their fields and bytes, fees, delegations and Permit2 messages."""
