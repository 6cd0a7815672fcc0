"""Tests of the domain; they need no service."""
