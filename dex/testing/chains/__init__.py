"""Benches of chains that need help in tests: one module each, named after the kind (`dex/testing/chain_bench.py`)."""
