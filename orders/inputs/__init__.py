"""Reads what callers send, strictly: JSON, query parameters, and the filters that lists and streams share."""
