"""Requests that were answered wrongly: inputs as they came, one file per kind."""
