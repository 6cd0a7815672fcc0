"""Wallets, nonces, stored bytes, and every transaction that is no swap."""
