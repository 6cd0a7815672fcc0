"""Routing problems in files: read, checked, solved and answered as JSON."""
