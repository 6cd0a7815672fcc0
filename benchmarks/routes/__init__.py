"""Rows of the router's benchmark that go through the engine."""
